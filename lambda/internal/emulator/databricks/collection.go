package databricks

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
)

// collection holds the objects of one kind in the order of their creation.
type collection[T any] struct {
	ids  []string
	byID map[string]*T
}

func newCollection[T any]() collection[T] { return collection[T]{byID: map[string]*T{}} }

func (c *collection[T]) remove(id string) {
	delete(c.byID, id)
	c.ids = slices.DeleteFunc(c.ids, func(other string) bool { return other == id })
}

func (c *collection[T]) all() iter.Seq2[string, *T] {
	return func(yield func(string, *T) bool) {
		for _, id := range c.ids {
			if !yield(id, c.byID[id]) {
				return
			}
		}
	}
}

// add stores a new object, which reads may not see at once.
func add[T any](s *Server, c *collection[T], id string, v *T) {
	c.ids = append(c.ids, id)
	c.byID[id] = v
	s.created++
	s.order[id] = s.created
	s.hub.Created(id)
}

// find reads one object, as far as it is visible.
func find[T any](s *Server, c *collection[T], noun, id string) (*T, error) {
	v, ok := c.byID[id]
	if !ok || !s.hub.Visible(id) {
		return nil, missing(noun, id)
	}
	return v, nil
}

// list reads all visible objects. It is never nil, so that it is encoded as an
// array.
func list[T any](s *Server, c *collection[T], view func(*T) T) []T {
	out := []T{}
	for id, v := range c.all() {
		if s.hub.Visible(id) {
			out = append(out, view(v))
		}
	}
	return out
}

// take finds the object that a DELETE names.
func take[T any](c *collection[T], noun, id string) (*T, error) {
	v, ok := c.byID[id]
	if !ok {
		return nil, missing(noun, id)
	}
	return v, nil
}

func same[T any](v *T) T { return *v }

// digest turns kind, name and how often the name was used before into bits for
// an id. Ids depend on names and not on the order of calls, so that a run of
// parallel branches can be repeated.
func (s *Server) digest(kind, name string) []byte {
	key := kind + "/" + name
	s.named[key]++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", s.cfg.AccountID, key, s.named[key]))
	return sum[:]
}

func (s *Server) newUUID(kind, name string) string {
	b := s.digest(kind, name)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// newWorkspaceID returns 16 digits, which a float64 still holds exactly.
func (s *Server) newWorkspaceID(name string) int64 {
	const lowest, span = 1_000_000_000_000_000, 8_000_000_000_000_000
	return lowest + int64(binary.BigEndian.Uint64(s.digest("workspaces", name))%span)
}

func (s *Server) newDeploymentName(name string) string {
	b := s.digest("deployments", name)
	return fmt.Sprintf("dbc-%x-%x", b[:4], b[4:6])
}
