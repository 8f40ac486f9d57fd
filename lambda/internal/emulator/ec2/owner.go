package ec2

import (
	"fmt"
	"slices"
	"time"

	"lakegate/lambda/internal/emulator/latency"
)

// The methods of this file are what the provider of an endpoint service does,
// and what goes wrong.

// AcceptEndpoint lets the owner of a service accept the connection of an
// endpoint, which then becomes available in its own time. Accepting what is
// accepted already changes nothing.
func (s *Service) AcceptEndpoint(region, id, by string) error {
	return s.judge(region, id, by, "accepting", func(r *request, e *Endpoint) error {
		switch e.State {
		case StatePendingAcceptance, StateRejected:
			r.work(e, latency.DatabricksEndpoint)
			return nil
		case StatePending, StateAvailable:
			return nil
		}
		return fmt.Errorf("it is %s", e.State)
	})
}

// RejectEndpoint lets the owner of a service reject the connection of an
// endpoint, whether it was accepted before or not.
func (s *Service) RejectEndpoint(region, id, by string) error {
	return s.judge(region, id, by, "rejecting", func(_ *request, e *Endpoint) error {
		if !slices.Contains([]string{StatePendingAcceptance, StatePending, StateAvailable}, e.State) {
			return fmt.Errorf("it is %s", e.State)
		}
		e.stop(StateRejected)
		return nil
	})
}

// judge runs what the owner of an endpoint's service does with it.
func (s *Service) judge(region, id, by, doing string, act func(*request, *Endpoint) error) error {
	return s.change(region, id, doing, func(r *request, e *Endpoint) error {
		if e.service.Owner != by {
			return fmt.Errorf("%s does not own the service %s", by, e.Service)
		}
		return act(r, e)
	})
}

// ExpireEndpoint ends an endpoint that nobody has accepted.
func (s *Service) ExpireEndpoint(region, id string) error {
	return s.change(region, id, "expiring", func(_ *request, e *Endpoint) error {
		if e.State != StatePendingAcceptance {
			return fmt.Errorf("it is %s", e.State)
		}
		e.stop(StateExpired)
		return nil
	})
}

// FailEndpoint makes an endpoint fail now.
func (s *Service) FailEndpoint(region, id string, why EndpointFailure) error {
	return s.change(region, id, "failing", func(_ *request, e *Endpoint) error {
		if e.State == StateDeleting {
			return fmt.Errorf("it is %s", e.State)
		}
		e.stop(StateFailed)
		e.Failure = why
		return nil
	})
}

// FailNextEndpoint makes the next interface endpoint to a service fail when it
// should become available. It can be called several times.
func (s *Service) FailNextEndpoint(region, service string, why EndpointFailure) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil {
		return fmt.Errorf("failing the next endpoint to %s: %w", service, err)
	}
	r.doomed[service] = append(r.doomed[service], why)
	return nil
}

// stop ends whatever an endpoint was waiting for.
func (e *Endpoint) stop(state string) {
	e.State, e.due, e.doom = state, time.Time{}, nil
}

func (s *Service) change(region, id, doing string, act func(*request, *Endpoint) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil {
		return fmt.Errorf("%s endpoint %s: %w", doing, id, err)
	}
	e, ok := r.endpoints.get(id)
	if !ok {
		return fmt.Errorf("%s endpoint %s: it does not exist", doing, id)
	}
	if err := act(r, e); err != nil {
		return fmt.Errorf("%s endpoint %s: %w", doing, id, err)
	}
	return nil
}
