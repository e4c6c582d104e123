-- Documents are JSON of boxship.model; columns exist only where something looks rows up by them.
CREATE TABLE images (
    id TEXT PRIMARY KEY,
    parent TEXT,
    document BLOB NOT NULL
);
CREATE INDEX images_by_parent ON images (parent) WHERE parent IS NOT NULL;

CREATE TABLE image_references (
    name TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images (id),
    document BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX image_references_by_image ON image_references (image_id);

CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image_id TEXT,  -- no foreign key: a forced removal takes the image from a stopped container
    document BLOB NOT NULL
);
CREATE INDEX containers_by_image ON containers (image_id);

CREATE TABLE execs (
    id TEXT PRIMARY KEY,
    container_id TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
    document BLOB NOT NULL
);
CREATE INDEX execs_by_container ON execs (container_id);

CREATE TABLE networks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    document BLOB NOT NULL
);

CREATE TABLE endpoints (
    id TEXT PRIMARY KEY,
    network_id TEXT NOT NULL REFERENCES networks (id),
    container_id TEXT NOT NULL,
    document BLOB NOT NULL,
    UNIQUE (network_id, container_id)
);
CREATE INDEX endpoints_by_container ON endpoints (container_id);

CREATE TABLE sandboxes (
    container_id TEXT PRIMARY KEY,
    document BLOB NOT NULL
);

CREATE TABLE volumes (
    name TEXT PRIMARY KEY,
    document BLOB NOT NULL
);

CREATE TABLE snapshots (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: a stale directory stays harmless
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('active', 'view', 'committed')),
    parent INTEGER REFERENCES snapshots (number),
    created INTEGER NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0,
    inodes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX snapshots_by_parent ON snapshots (parent) WHERE parent IS NOT NULL;

CREATE TABLE build_records (
    key TEXT PRIMARY KEY,
    last_used INTEGER NOT NULL,
    document BLOB NOT NULL
);

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
