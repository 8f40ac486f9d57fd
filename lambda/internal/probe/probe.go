// Package probe is what runs on a cluster to see what compute can reach: the
// program probe.py, the attempts that it is given and the results that it
// prints. The program is in a file of its own so that it can be reviewed.
package probe

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Program is the Python program that makes the attempts.
//
//go:embed probe.py
var Program string

// The kinds of attempts, see probe.py.
const (
	Resolve    = "resolve"
	Connect    = "connect"
	TLS        = "tls"
	DNS        = "dns"
	DNSOverTCP = "dns-over-tcp"
	Get        = "get"
	Databases  = "databases"
	Conf       = "conf"
)

// What comes of an attempt.
const (
	// Connected, Answered and Resolved are successes, each of some kinds.
	Connected = "connected"
	Answered  = "answered"
	Resolved  = "resolved"
	// Unresolved is a name without an address.
	Unresolved = "unresolved"
	// Refused, Timeout and Unreachable are failures of the network.
	Refused     = "refused"
	Timeout     = "timeout"
	Unreachable = "unreachable"
	// Failed is any other error, such as one of Spark.
	Failed = "failed"
)

// Attempt is one thing to try.
type Attempt struct {
	// ID is given back with the result.
	ID   string `json:"id"`
	Kind string `json:"kind"`
	// Host and Port of resolve, connect, tls and both kinds of dns; a host may be
	// an address.
	Host string `json:"host,omitempty"`
	Port int    `json:"port,omitempty"`
	// URL of get.
	URL string `json:"url,omitempty"`
	// Key of conf.
	Key string `json:"key,omitempty"`
	// Seconds to wait at most.
	Seconds int `json:"seconds,omitempty"`
}

// Result is what came of an attempt.
type Result struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
	// Addresses of the host, as far as it has been resolved.
	Addresses []string `json:"addresses,omitempty"`
	// Status of HTTP, for get.
	Status int `json:"status,omitempty"`
	// Values of databases and conf.
	Values []string `json:"values,omitempty"`
	// Error is the text of the operating system or of Spark.
	Error        string `json:"error,omitempty"`
	Milliseconds int    `json:"milliseconds"`
}

// mark is how the line with the results begins.
const mark = "lakegate-probe "

// Command is the program with its attempts, to be run by Python on a cluster.
func Command(attempts []Attempt) (string, error) {
	list, err := json.Marshal(attempts)
	if err != nil {
		return "", fmt.Errorf("encoding attempts: %w", err)
	}
	// A string of JSON is a string of Python too.
	literal, err := json.Marshal(string(list))
	if err != nil {
		return "", fmt.Errorf("encoding attempts: %w", err)
	}
	return Program + "\n\nrun(" + string(literal) + ")\n", nil
}

// Attempts reads the attempts of a command again. Its error says that the
// command is not this program.
func Attempts(command string) ([]Attempt, error) {
	call, ok := strings.CutPrefix(command, Program+"\n\nrun(")
	literal, ended := strings.CutSuffix(strings.TrimSpace(call), ")")
	if !ok || !ended {
		return nil, errors.New("reading command: it is not the probe")
	}
	var list string
	if err := json.Unmarshal([]byte(literal), &list); err != nil {
		return nil, fmt.Errorf("reading command: %w", err)
	}
	var attempts []Attempt
	if err := json.Unmarshal([]byte(list), &attempts); err != nil {
		return nil, fmt.Errorf("reading command: %w", err)
	}
	return attempts, nil
}

// Output is what the program prints.
func Output(results []Result) (string, error) {
	text, err := json.Marshal(map[string]any{"results": results})
	return mark + string(text), err
}

// Parse finds the results in what a command has printed.
func Parse(output string) (map[string]Result, error) {
	for line := range strings.Lines(output) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), mark)
		if !ok {
			continue
		}
		var printed struct{ Results []Result }
		if err := json.Unmarshal([]byte(text), &printed); err != nil {
			return nil, fmt.Errorf("reading results of the probe: %w", err)
		}
		results := map[string]Result{}
		for _, r := range printed.Results {
			results[r.ID] = r
		}
		return results, nil
	}
	return nil, errors.New("reading results of the probe: it has printed none")
}
