-- The ledger of tasks. One text for SQLite and PostgreSQL: money is whole fen (BIGINT), days are texts such as
-- 2026-11-22, moments are texts such as 2026-11-22T16:00:00.000 in the time
-- of Asia/Shanghai, like all of Assay's, yes and no are 1 and 0.

CREATE TABLE turn (one BIGINT PRIMARY KEY, taken BIGINT NOT NULL);
INSERT INTO turn (one, taken) VALUES (1, 0);

CREATE TABLE office (
    office_code TEXT PRIMARY KEY,
    name TEXT,
    level BIGINT,
    parent_code TEXT,
    register_capacity BIGINT
);

-- What an office can take a cycle, in quarters of a standard task: itself (own), and with all below it (whole). Null: no
-- limit stated.
CREATE TABLE capacity (
    office_code TEXT PRIMARY KEY,
    own BIGINT,
    whole BIGINT,
    stated_by TEXT NOT NULL,
    stated_at TEXT NOT NULL
);

CREATE TABLE officer (
    office_code TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (office_code, name)
);

CREATE TABLE exemption (
    exemption_no BIGINT PRIMARY KEY,
    taxpayer_id TEXT NOT NULL,
    family TEXT,
    owner TEXT NOT NULL,
    reason TEXT NOT NULL,
    from_on TEXT NOT NULL,
    until_on TEXT NOT NULL,
    stated_at TEXT NOT NULL,
    ended_by TEXT,
    ended_at TEXT
);
CREATE INDEX exemption_taxpayer ON exemption (taxpayer_id);

-- Scans whose tasks were taken in.
CREATE TABLE intake (
    run TEXT PRIMARY KEY,
    as_of BIGINT NOT NULL,
    who TEXT NOT NULL,
    at TEXT NOT NULL,
    opened BIGINT NOT NULL,
    joined BIGINT NOT NULL,
    withheld BIGINT NOT NULL
);

CREATE TABLE task (
    task_no TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    row_key TEXT NOT NULL UNIQUE,
    revision BIGINT NOT NULL,
    state TEXT NOT NULL,
    taxpayer_key BIGINT,
    taxpayer_id TEXT NOT NULL,
    taxpayer_name TEXT,
    industry_code TEXT,
    office_code TEXT,
    from_office TEXT,
    officer TEXT,
    as_of BIGINT NOT NULL,
    grade TEXT NOT NULL,
    score BIGINT NOT NULL,
    amount BIGINT,
    batch TEXT NOT NULL,
    planned BIGINT,
    plan_reason TEXT,
    sampled BIGINT NOT NULL,
    issued_on TEXT,
    due_on TEXT,
    due_days BIGINT NOT NULL,
    content TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    closed_at TEXT
);
-- One open task a taxpayer.
CREATE UNIQUE INDEX task_open ON task (taxpayer_id)
    WHERE kind <> 'assistance' AND state NOT IN ('closed', 'recalled');
CREATE INDEX task_office ON task (office_code, state);
CREATE INDEX task_taxpayer ON task (taxpayer_id);

CREATE TABLE task_item (
    task_no TEXT NOT NULL,
    indicator TEXT NOT NULL,
    version BIGINT NOT NULL,
    family TEXT NOT NULL,
    as_of BIGINT NOT NULL,
    amount BIGINT,
    points BIGINT NOT NULL,
    joined_at TEXT NOT NULL,
    conclusion TEXT,
    content TEXT NOT NULL,
    PRIMARY KEY (task_no, indicator)
);
CREATE INDEX task_item_indicator ON task_item (indicator, version);

-- What an office said, the columns of the list as they came; `complete`: 0 something is missing, 1 whole,
-- 2 returned to be mended.
CREATE TABLE answer (
    task_no TEXT PRIMARY KEY,
    complete BIGINT NOT NULL,
    conclusion TEXT,
    exclusion_reason TEXT,
    explanation TEXT,
    handling TEXT,
    tax_recovered BIGINT,
    late_fee BIGINT,
    fine BIGINT,
    credit_reduced BIGINT,
    loss_reduced BIGINT,
    paid_on TEXT,
    handler TEXT,
    completed_on TEXT,
    reviewer TEXT,
    review_opinion TEXT,
    delay_reason TEXT,
    items TEXT NOT NULL,
    answered_by TEXT NOT NULL,
    answered_at TEXT NOT NULL,
    file TEXT NOT NULL
);

-- Every change, by whom and when.
CREATE TABLE event (
    task_no TEXT NOT NULL,
    event_no BIGINT NOT NULL,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    state_from TEXT,
    state_to TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (task_no, event_no)
);

-- Rows as they left in a workbook, in digests: of each cell of the list, and of each suspicion's row. What comes back is
-- held against them.
CREATE TABLE sent_row (
    row_key TEXT NOT NULL,
    sent_no BIGINT NOT NULL,
    office_code TEXT,
    items TEXT NOT NULL,
    cells TEXT NOT NULL,
    sent_at TEXT NOT NULL,
    PRIMARY KEY (row_key, sent_no)
);

CREATE TABLE returned_file (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    who TEXT NOT NULL,
    at TEXT NOT NULL,
    accepted BIGINT NOT NULL,
    refused BIGINT NOT NULL
);

-- Hits that became no task, and why.
CREATE TABLE withheld (
    run TEXT NOT NULL,
    taxpayer_id TEXT NOT NULL,
    indicator TEXT NOT NULL,
    as_of BIGINT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (run, taxpayer_id, indicator)
);

-- Random draws (双随机): enough to draw again and get the same.
CREATE TABLE draw (
    draw_no BIGINT PRIMARY KEY,
    as_of BIGINT NOT NULL,
    seed TEXT NOT NULL,
    frame TEXT NOT NULL,
    frame_size BIGINT NOT NULL,
    frame_digest TEXT NOT NULL,
    size BIGINT NOT NULL,
    method TEXT NOT NULL,
    who TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE drawn (
    draw_no BIGINT NOT NULL,
    place BIGINT NOT NULL,
    taxpayer_id TEXT NOT NULL,
    office_code TEXT,
    officer TEXT,
    task_no TEXT,
    note TEXT,
    PRIMARY KEY (draw_no, place)
);
CREATE INDEX drawn_task ON drawn (task_no);
