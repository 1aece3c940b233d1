package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const (
	pointSelect = "SELECT id, title, link, chapters FROM bench_point WHERE id = ?"
	update      = "UPDATE bench_account SET balance = balance + 1 WHERE id = ?"
	insert      = "INSERT INTO bench_entry (account) VALUES (?)"
	largeSelect = "SELECT id, body FROM bench_large"
	largeRows   = 10000
	largeBody   = 1000
)

// operation is what a caller does again and again. It is given the caller's number, from 1, and its random numbers.
type operation func(ctx context.Context, caller int, numbers *rand.Rand) error

// pool is the database, and whether to ask a connection for a sign of life before each use.
type pool struct {
	db      *sql.DB
	prePing bool
}

// openPool also opens all connections, which database/sql else does on demand.
func openPool(ctx context.Context, config *mysql.Config, o options) (*pool, error) {
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(o.connections)
	db.SetMaxIdleConns(o.connections)
	for i := 0; i < o.connections; i++ {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
	}
	return &pool{db, o.prePing}, nil
}

// take lends a connection. With prePing it has just answered: those that do not are thrown away.
func (p *pool) take(ctx context.Context) (*sql.Conn, error) {
	for {
		conn, err := p.db.Conn(ctx) // Fails if the server is away.
		if err != nil || !p.prePing || conn.PingContext(ctx) == nil {
			return conn, err
		}
		conn.Close()
	}
}

// asker is what both a connection and the pool as a whole can do.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// ask lets f ask the pool as is usual, or else, if it must be pinged first, one connection.
func (p *pool) ask(ctx context.Context, f func(asker) error) error {
	if !p.prePing {
		return f(p.db)
	}
	conn, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return f(conn)
}

// command is a statement, and what was prepared of it with --prepared: once for the whole pool, as Go's manual has it.
// database/sql prepares it on each connection when it is first used there.
type command struct {
	text     string
	prepared *sql.Stmt
}

func (p *pool) command(ctx context.Context, text string, prepare bool) (command, error) {
	if !prepare {
		return command{text, nil}, nil
	}
	prepared, err := p.db.PrepareContext(ctx, text)
	return command{text, prepared}, err
}

func (c command) queryRow(ctx context.Context, db asker, args ...any) *sql.Row {
	if c.prepared != nil {
		return c.prepared.QueryRowContext(ctx, args...)
	}
	return db.QueryRowContext(ctx, c.text, args...)
}

func (c command) exec(ctx context.Context, tx *sql.Tx, args ...any) (sql.Result, error) {
	if c.prepared != nil {
		return tx.StmtContext(ctx, c.prepared).ExecContext(ctx, args...)
	}
	return tx.ExecContext(ctx, c.text, args...)
}

func (p *pool) workload(ctx context.Context, o options) (operation, error) {
	if o.prepared && (o.prePing || o.workload == "large" || o.workload == "checkout") {
		return nil, errNotApplicable
	}
	switch o.workload {
	case "point", "recovery":
		return p.point(ctx, o)
	case "transaction":
		return p.transaction(ctx, o)
	case "large":
		return p.large, nil
	case "checkout":
		return p.checkout, nil
	}
	return nil, fmt.Errorf("no workload %q: point, transaction, large, checkout, recovery", o.workload)
}

type manga struct {
	id       int
	title    string
	link     string
	chapters int
}

func (p *pool) point(ctx context.Context, o options) (operation, error) {
	read, err := p.command(ctx, pointSelect, o.prepared)
	if err != nil {
		return nil, err
	}
	expected := make([]manga, o.rows)
	for i := range expected {
		id := i + 1
		expected[i] = manga{id, fmt.Sprintf("Manga no. %d%s 漫画", id, strings.Repeat("~", id%40)),
			fmt.Sprintf("https://manga.example/title/%d/a-slug-of-usual-length", id), 1 + id*7%900}
	}
	return func(ctx context.Context, _ int, numbers *rand.Rand) error {
		id := 1 + numbers.Intn(o.rows)
		var row manga
		err := p.ask(ctx, func(db asker) error {
			return read.queryRow(ctx, db, id).Scan(&row.id, &row.title, &row.link, &row.chapters)
		})
		if err != nil {
			return fmt.Errorf("row %d: %w", id, err)
		}
		if row != expected[id-1] {
			return fmt.Errorf("asked for row %d, got %+v", id, row)
		}
		return nil
	}, nil
}

func (p *pool) transaction(ctx context.Context, o options) (operation, error) {
	var changes []command
	for _, text := range []string{update, insert} {
		change, err := p.command(ctx, text, o.prepared)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	return func(ctx context.Context, caller int, _ *rand.Rand) error {
		return p.ask(ctx, func(db asker) error { return book(ctx, db, changes, caller) })
	}, nil
}

// book makes all changes for a caller's account, or none.
func book(ctx context.Context, db asker, changes []command, caller int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // Does nothing after a commit.
	for _, change := range changes {
		result, err := change.exec(ctx, tx, caller)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("account %d: %d rows affected by %s (%v)", caller, n, change.text, err)
		}
	}
	return tx.Commit()
}

type largeRow struct {
	id   int
	body string
}

func (p *pool) large(ctx context.Context, _ int, _ *rand.Rand) error {
	return p.ask(ctx, func(db asker) error {
		rows, err := db.QueryContext(ctx, largeSelect)
		if err != nil {
			return err
		}
		defer rows.Close()
		var all []largeRow
		for rows.Next() {
			var row largeRow
			if err := rows.Scan(&row.id, &row.body); err != nil {
				return err
			}
			if len(row.body) != largeBody {
				return fmt.Errorf("row %d has a body of %d bytes", row.id, len(row.body))
			}
			all = append(all, row)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if len(all) != largeRows {
			return fmt.Errorf("%d rows instead of %d", len(all), largeRows)
		}
		return nil
	})
}

func (p *pool) checkout(ctx context.Context, _ int, _ *rand.Rand) error {
	conn, err := p.take(ctx)
	if err != nil {
		return err
	}
	return conn.Close()
}
