CREATE TABLE prices (
    code text PRIMARY KEY,
    name text NOT NULL,
    unit text NOT NULL,
    price numeric(12, 2) NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE estimates (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX estimates_owner ON estimates (owner, created_at);

CREATE TABLE estimate_items (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    estimate_id uuid NOT NULL REFERENCES estimates (id) ON DELETE CASCADE,
    code text NOT NULL REFERENCES prices (code),
    quantity numeric(12, 3) NOT NULL,
    price numeric(12, 2) NOT NULL
);

CREATE INDEX estimate_items_estimate ON estimate_items (estimate_id);

CREATE TABLE collections (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trigger text NOT NULL,
    prices integer NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now()
);
