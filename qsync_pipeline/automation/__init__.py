"""Every way a sync starts: jobs by hand, schedules by clock, sensors by event."""
