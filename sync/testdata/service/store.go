package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/riptidecrawler/coordkit/sync/cache"
)

// Product is a row of the catalogue. Version grows by one with each change.
type Product struct {
	ID      string `json:"id"`
	Price   int    `json:"price"`
	Version int64  `json:"version"`
}

// Report is what the nightly job writes for one night.
type Report struct {
	Night    int64  `json:"night"`
	Term     uint64 `json:"term"`
	Node     string `json:"node"`
	Products int    `json:"products"`
}

// errFenced says that a leader with a greater term has written.
var errFenced = errors.New("a newer leader has written")

// store is the database, which all processes of the service share. It is the
// source of truth: what the caches hold was loaded from it.
type store struct{ db *sql.DB }

// lockTimeout bounds the wait for another process that writes.
const lockTimeout = 300 * time.Millisecond

const schema = `
CREATE TABLE IF NOT EXISTS products (id TEXT PRIMARY KEY, price INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS reports (night INTEGER PRIMARY KEY, term INTEGER NOT NULL, node TEXT NOT NULL, products INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fences (job TEXT PRIMARY KEY, term INTEGER NOT NULL);`

func openStore(ctx context.Context, path string) (*store, error) {
	parameters := url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", lockTimeout.Milliseconds()), "journal_mode(WAL)"},
		"_txlock": {"immediate"},
	}
	db, err := sql.Open("sqlite", "file:"+path+"?"+parameters.Encode())
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{db}, nil
}

// migrate creates what is missing. SQLite does not wait for its busy_timeout when several
// processes change the journal mode of a new database at once, so that this tries again.
func migrate(ctx context.Context, db *sql.DB) error {
	const limit, pause = 5 * time.Second, 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		_, err := db.ExecContext(ctx, schema)
		var refused *sqlite.Error
		if !errors.As(err, &refused) || refused.Code() != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

func (s *store) close() error { return s.db.Close() }

// product returns a row, or cache.ErrNotFound. It is the cache's load.
func (s *store) product(ctx context.Context, id string) (Product, error) {
	p := Product{ID: id}
	err := s.db.QueryRowContext(ctx, "SELECT price, version FROM products WHERE id = ?", id).Scan(&p.Price, &p.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return p, cache.ErrNotFound
	}
	return p, err
}

// setPrice stores a price and returns the version that it made.
func (s *store) setPrice(ctx context.Context, id string, price int) (version int64, err error) {
	err = s.db.QueryRowContext(ctx, `INSERT INTO products VALUES (?, ?, 1)
		ON CONFLICT (id) DO UPDATE SET price = excluded.price, version = version + 1
		RETURNING version`, id, price).Scan(&version)
	return version, err
}

// lastNight returns the newest night that has a report, 0 if none has.
func (s *store) lastNight(ctx context.Context) (night int64, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT coalesce(max(night), 0) FROM reports").Scan(&night)
	return night, err
}

// writeReport stores the report of a night, once, if no leader with a greater
// term has written before. The guard is in the transaction of the write: what
// an old leader has sent late is refused here, beyond the network.
func (s *store) writeReport(ctx context.Context, night int64, term uint64, node string) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	fenced, err := tx.ExecContext(ctx, `INSERT INTO fences VALUES ('nightly', ?)
		ON CONFLICT (job) DO UPDATE SET term = excluded.term WHERE excluded.term >= term`, int64(term))
	if err != nil {
		return err
	}
	if admitted, err := fenced.RowsAffected(); err != nil || admitted == 0 {
		return errors.Join(errFenced, err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO reports SELECT ?, ?, ?, count(*) FROM products`, night, int64(term), node); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *store) reports(ctx context.Context) (all []Report, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT night, term, node, products FROM reports ORDER BY night")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r Report
		if err := rows.Scan(&r.Night, &r.Term, &r.Node, &r.Products); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
