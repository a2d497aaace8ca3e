"""Synthea, made-up patients and their care, with a clinic's own marts beside it."""

SYNTHEA = """
allergies | start:d stop:d patient:s encounter:s code system description type category reaction1:s
    description1 severity1 reaction2:s description2 severity2
careplans | id:s start:d stop:d patient:s encounter:s code description reasoncode reasondescription
claims | id:s patientid:s providerid:s primarypatientinsuranceid:s secondarypatientinsuranceid:s
    departmentid:i patientdepartmentid:i diagnosis{1..8}:s referringproviderid:s appointmentid:s
    currentillnessdate:t servicedate:t supervisingproviderid:s status1 status2 statusp outstanding1:n
    outstanding2:n outstandingp:n lastbilleddate1:t lastbilleddate2:t lastbilleddatep:t
    healthcareclaimtypeid1:i healthcareclaimtypeid2:i
claims_transactions | id:s claimid:s chargeid:i patientid:s type amount method fromdate:t todate:t
    placeofservice procedurecode modifier1 modifier2 diagnosisref{1..4}:i units:i departmentid:i notes
    unitamount:n transferoutid:i transfertype payments:n adjustments:n transfers:n outstanding:n
    appointmentid:s linenote patientinsuranceid:s feescheduleid:i providerid:s supervisingproviderid:s
conditions | start:d stop:d patient:s encounter:s system code description
devices | start:t stop:t patient:s encounter:s code description udi
encounters | id:s start:t stop:t patient:s organization:s provider:s payer:s encounterclass code description
    base_encounter_cost total_claim_cost payer_coverage:n reasoncode reasondescription
imaging_studies | id:s date:t patient:s encounter:s series_uid:s bodysite_code bodysite_description
    modality_code modality_description instance_uid:s sop_code sop_description procedure_code
immunizations | date:t patient:s encounter:s code description base_cost
medications | start:t stop:t patient:s payer:s encounter:s code description base_cost payer_coverage:n
    dispenses:i totalcost:n reasoncode reasondescription
observations | date:t patient:s encounter:s category code description value:s units:s type
organizations | id:s name address city state zip lat lon phone revenue utilization:i
patients | id:s birthdate deathdate ssn drivers passport prefix first middle last suffix maiden marital race
    ethnicity gender birthplace address city state county fips zip lat lon healthcare_expenses:n
    healthcare_coverage:n income:i
payer_transitions | patient:s memberid:s start_date end_date payer:s secondary_payer:s plan_ownership
    owner_name
payers | id:s name ownership address city state_headquartered zip phone amount_covered:n amount_uncovered:n
    revenue covered_encounters:i uncovered_encounters:i covered_medications:i uncovered_medications:i
    covered_procedures:i uncovered_procedures:i unique_customers:i qols_avg:n member_months:i
procedures | start:t stop:t patient:s encounter:s system code description base_cost reasoncode
    reasondescription
providers | id:s organization:s name gender speciality address city state zip lat lon encounters:i
    procedures:i
supplies | date patient:s encounter:s code description quantity
"""

CLINIC = """
mart_patient_360 | patient_id:s birth_date gender region risk_score encounters_12m:i admissions_12m:i
    emergency_visits_12m:i cost_m{01..12}:n bp_systolic:i bp_diastolic:i bmi:n hba1c:n is_smoker is_diabetic
    has_hypertension last_encounter_at next_appointment_at @load
mart_readmissions | admission_id:s patient_id:s admitted_at discharged_at ward diagnosis_code
    length_of_stay_days is_readmission_30d days_to_readmission:i attending_id:s @load
mart_waiting_times | clinic_id specialty week_start:d referrals:i seen:i median_wait_days p90_wait_days:i
    breaches:i
view v_active_medications | patient_id:s code description started_on:d prescriber_id:s
view v_encounter_costs | encounter_id:s patient_id:s payer_name base_cost total_cost covered_amount
"""
