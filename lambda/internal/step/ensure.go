package step

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// ensure finds the one object that is ours, or creates it. Before it creates it
// looks a second time: the reply to an earlier create may have been lost, and a
// first read may not see what was just made.
func ensure[T any](ctx context.Context, what string, find func(context.Context) ([]T, error), id func(T) string, create func(context.Context) (T, error)) (found T, created bool, err error) {
	for range 2 {
		all, err := find(ctx)
		if err != nil {
			return found, false, fmt.Errorf("looking for %s: %w", what, err)
		}
		switch len(all) {
		case 0:
		case 1:
			return all[0], false, nil
		default:
			ids := make([]string, 0, len(all))
			for _, one := range all {
				ids = append(ids, id(one))
			}
			return found, false, failure.New(plan.Conflict,
				"Delete all but one of them, then redrive the execution.",
				"looking for %s: there are %d: %s", what, len(all), strings.Join(ids, ", "))
		}
	}
	found, err = create(ctx)
	if err != nil {
		return found, false, fmt.Errorf("creating %s: %w", what, err)
	}
	return found, true, nil
}

// pages collects all pages of a listing.
func pages[T any](list func(token *string) ([]T, *string, error)) ([]T, error) {
	var all []T
	var token *string
	for {
		page, next, err := list(token)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == nil || *next == "" {
			return all, nil
		}
		token = next
	}
}

// remembering answers the first call from what is known and asks after that,
// so that one listing serves several objects.
func remembering[T any](known []T, ask func(context.Context) ([]T, error)) func(context.Context) ([]T, error) {
	first := true
	return func(ctx context.Context) ([]T, error) {
		if first {
			first = false
			return known, nil
		}
		return ask(ctx)
	}
}

// inPlaceOf adds to an outcome what could not be changed and so was made anew.
func inPlaceOf(did document.Outcome, what entity, field, found, wanted string) document.Outcome {
	did.Differences = append(slices.Clone(did.Differences), what.differs(field, found, wanted))
	return did
}

// skipped is the outcome of a step that has nothing to do.
func skipped(reason string) document.Outcome {
	return document.Outcome{Outcome: document.Skipped, Reason: reason}
}

// differs is the Conflict of an object whose field cannot be changed.
func differs(what entity, field, found, wanted, path string) error {
	return failure.As(plan.Conflict,
		fmt.Sprintf("Set %s to %s, or replace the object, then push or redrive.", path, found),
		&mismatch{what, field, found, wanted})
}

// unfit is the Conflict of an object that the spec gives by id but that is of
// another VPC or for another service.
func unfit(what entity, field, found, wanted, path string) error {
	return failure.As(plan.Conflict,
		fmt.Sprintf("Correct %s, or remove it so that one is created, then push or redrive.", path),
		&mismatch{what, field, found, wanted})
}

// missing is the Conflict of an object that the spec gives by id but that does
// not exist in a place: a region, a VPC, or nowhere in particular.
func missing(what, id, place, path string) error {
	where := ""
	if place != "" {
		where = " in " + place
	}
	return failure.New(plan.Conflict,
		fmt.Sprintf("Correct %s, or remove it so that one is created.", path),
		"looking for %s %s: it does not exist%s in this account", what, id, where)
}

// sameJSON compares two JSON texts by meaning.
func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}
