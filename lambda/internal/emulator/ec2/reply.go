package ec2

import "time"

// set is a list in a reply. Unlike a slice it is written even if it is empty,
// as the service does.
type set[T any] struct {
	Items []T `xml:"item"`
}

func (s *set[T]) add(v T) { s.Items = append(s.Items, v) }

func setOf[T any](items []T) set[T] { return set[T]{Items: items} }

// returned is the reply of an action that has nothing to tell.
type returned struct {
	Return bool `xml:"return"`
}

var done = returned{Return: true}

// attribute is a value in an element of its own.
type attribute struct {
	Value bool `xml:"value"`
}

// stateXML is the state of an association.
type stateXML struct {
	State string `xml:"state"`
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
