package ec2

import (
	"slices"
	"time"
)

// deletedLife is how long what was deleted is still described.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
const deletedLife = time.Hour

// event is what happens to an object by itself.
type event struct {
	at  time.Time
	act func()
}

// later lets something happen at a time, once the service is used again.
func (s *Service) later(at time.Time, act func()) {
	e := event{at: at, act: act}
	i, _ := slices.BinarySearchFunc(s.agenda, e, func(a, b event) int {
		if a.at.After(b.at) {
			return 1
		}
		return -1
	})
	s.agenda = slices.Insert(s.agenda, i, e)
}

// settle does what has become due.
func (s *Service) settle(now time.Time) {
	for len(s.agenda) > 0 && !now.Before(s.agenda[0].at) {
		e := s.agenda[0]
		s.agenda = s.agenda[1:]
		e.act()
	}
}
