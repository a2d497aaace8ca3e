"""One HTTP session for every outside system: auth, time-outs, retries, paging, request budget, redaction."""
