// The benchmark's side for Go: database/sql with go-sql-driver, its pool shared by goroutines. See ../README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
)

var errNotApplicable = errors.New("--prepared is for point, transaction and recovery, without --pre-ping")

// options are what the command line says.
type options struct {
	workload    string
	callers     int
	connections int
	warmUp      float64 // Seconds.
	seconds     float64
	rows        int
	prePing     bool
	prepared    bool
}

func parseOptions(arguments []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("go", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&o.callers, "callers", 1, "")
	flags.IntVar(&o.connections, "connections", 10, "")
	flags.Float64Var(&o.warmUp, "warm-up", 0.5, "")
	flags.Float64Var(&o.seconds, "seconds", 1, "")
	flags.IntVar(&o.rows, "rows", 10000, "")
	flags.BoolVar(&o.prePing, "pre-ping", false, "")
	flags.BoolVar(&o.prepared, "prepared", false, "")
	if len(arguments) == 0 {
		return o, errors.New("name a workload")
	}
	o.workload = arguments[0]
	if err := flags.Parse(arguments[1:]); err != nil {
		return o, err
	}
	if flags.NArg() != 0 {
		return o, fmt.Errorf("unknown argument %s", flags.Arg(0))
	}
	return o, nil
}

// configFromURI turns what DATABASE_URI says into the driver's own settings.
func configFromURI(text string) (*mysql.Config, error) {
	uri, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if uri.Scheme != "mysql" {
		return nil, errors.New("DATABASE_URI is not set to mysql://user:password@host:port/database")
	}
	config := mysql.NewConfig()
	config.User = uri.User.Username()
	config.Passwd, _ = uri.User.Password()
	config.DBName = strings.TrimPrefix(uri.Path, "/")
	config.Net, config.Addr = "tcp", uri.Host
	if socket := uri.Query().Get("unix_socket"); socket != "" {
		config.Net, config.Addr = "unix", socket
	} else if uri.Port() == "" {
		config.Addr += ":3306"
	}
	// One round trip for a statement with parameters instead of prepare, execute and close. With --prepared there is a
	// statement that stays prepared.
	config.InterpolateParams = true
	return config, nil
}

func run(arguments []string) error {
	o, err := parseOptions(arguments)
	if err != nil {
		return err
	}
	config, err := configFromURI(os.Getenv("DATABASE_URI"))
	if err != nil {
		return err
	}
	p, err := openPool(context.Background(), config, o)
	if err != nil {
		return err
	}
	defer p.db.Close()
	operation, err := p.workload(context.Background(), o)
	if err != nil {
		return err
	}
	figures, err := measure(operation, o)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(figures)
}

func main() {
	// The driver reports lost connections there, besides returning them as errors.
	if err := mysql.SetLogger(log.New(io.Discard, "", 0)); err != nil {
		panic(err)
	}
	if err := run(os.Args[1:]); err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Fprintln(os.Stderr, "go:", line)
		if errors.Is(err, errNotApplicable) {
			os.Exit(3)
		}
		os.Exit(1)
	}
}
