// Package asl interprets the part of Amazon States Language (JSONPath) that the
// definitions here use: Task, Choice, Wait, Parallel, Pass, Succeed and Fail.
// Anything else is refused by name when a definition is parsed.
package asl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Machine is a parsed definition, or a branch of one.
type Machine struct {
	Comment        string
	StartAt        string
	States         map[string]*State
	TimeoutSeconds int
}

// State is one state of a machine.
type State struct {
	Name           string `json:"-"`
	Type           string
	Comment        string
	Resource       string
	InputPath      *string
	Parameters     json.RawMessage
	ResultSelector json.RawMessage
	ResultPath     *string
	OutputPath     *string
	Result         json.RawMessage
	TimeoutSeconds int
	Retry          []Retrier
	Branches       []*Machine
	Choices        []Choice
	Default        string
	Seconds        *float64
	SecondsPath    string
	Error, Cause   string
	Next           string
	End            bool
}

// Retrier is one retry rule.
type Retrier struct {
	ErrorEquals     []string
	IntervalSeconds *float64
	MaxAttempts     *int
	BackoffRate     *float64
	MaxDelaySeconds float64
	JitterStrategy  string
}

// Choice is one rule of a Choice state.
type Choice struct {
	Variable      string
	BooleanEquals *bool
	StringEquals  *string
	NumericEquals *float64
	IsPresent     *bool
	Next          string
}

// Parse reads a definition and reports everything that is wrong with it.
func Parse(definition []byte) (*Machine, error) {
	var m Machine
	dec := json.NewDecoder(bytes.NewReader(definition))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("parsing definition: %w", err)
	}
	return &m, m.check()
}

var types = []string{"Task", "Choice", "Wait", "Parallel", "Pass", "Succeed", "Fail"}

func (m *Machine) check() error {
	var errs []error
	if m.States[m.StartAt] == nil {
		errs = append(errs, fmt.Errorf("StartAt names %q, which does not exist", m.StartAt))
	}
	for name, s := range m.States {
		if s == nil {
			errs = append(errs, fmt.Errorf("state %s is empty", name))
			continue
		}
		s.Name = name
		if !slices.Contains(types, s.Type) {
			errs = append(errs, fmt.Errorf("state %s: type %q is not supported", name, s.Type))
		}
		targets := []string{s.Next, s.Default}
		for _, c := range s.Choices {
			targets = append(targets, c.Next)
		}
		for _, t := range targets {
			if t != "" && m.States[t] == nil {
				errs = append(errs, fmt.Errorf("state %s: %q does not exist", name, t))
			}
		}
		if s.Next == "" && !s.End && !slices.Contains([]string{"Choice", "Succeed", "Fail"}, s.Type) {
			errs = append(errs, fmt.Errorf("state %s: it has neither Next nor End", name))
		}
		for i, b := range s.Branches {
			if b == nil {
				errs = append(errs, fmt.Errorf("state %s: branch %d is empty", name, i))
				continue
			}
			errs = append(errs, b.check())
		}
	}
	return errors.Join(errs...)
}
