CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE clients (
    id TEXT PRIMARY KEY, language TEXT NOT NULL, examples INTEGER NOT NULL, sequence INTEGER NOT NULL,
    contributed INTEGER NOT NULL, seconds REAL, accuracy REAL, device TEXT NOT NULL, last_seen REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE updates (
    number INTEGER PRIMARY KEY, client TEXT NOT NULL, sequence INTEGER NOT NULL, language TEXT NOT NULL,
    base_version INTEGER NOT NULL, staleness INTEGER NOT NULL, examples INTEGER NOT NULL, received REAL NOT NULL,
    fold INTEGER, payload BLOB NOT NULL, UNIQUE (client, sequence)
);
CREATE INDEX updates_by_fold ON updates (fold);
CREATE TABLE folds (
    version INTEGER PRIMARY KEY, at REAL NOT NULL, languages TEXT NOT NULL, updates TEXT NOT NULL, weights BLOB NOT NULL
);
CREATE TABLE prompts (language TEXT, version INTEGER, vector BLOB NOT NULL, PRIMARY KEY (language, version));
CREATE TABLE distances (
    first TEXT, second TEXT, metric TEXT, value REAL NOT NULL, PRIMARY KEY (first, second, metric)
) WITHOUT ROWID;
CREATE TABLE comparisons (
    first TEXT, second TEXT, cosine REAL NOT NULL, times INTEGER NOT NULL, weight REAL NOT NULL,
    PRIMARY KEY (first, second)
) WITHOUT ROWID;
CREATE TABLE judgements (language TEXT PRIMARY KEY, errors REAL NOT NULL, times INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE directions (language TEXT PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE moments (language TEXT PRIMARY KEY, vectors BLOB NOT NULL);
PRAGMA user_version = 2;
