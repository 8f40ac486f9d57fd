package iam

import (
	"maps"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// InstanceProfile is what other services see of an instance profile.
type InstanceProfile struct {
	Name string
	ARN  string
	// Changed is when it got or lost its role.
	Changed time.Time
	// Role is the ARN of its role; empty if it has none.
	Role string
}

// InstanceProfile returns the instance profile with an ARN.
func (s *Service) InstanceProfile(arn string) (InstanceProfile, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.profiles {
		if p.arn == arn {
			out := InstanceProfile{Name: p.name, ARN: p.arn, Changed: p.changed}
			if p.role != nil {
				out.Role = p.role.arn
			}
			return out, true
		}
	}
	return InstanceProfile{}, false
}

// profile is an instance profile of the account.
type profile struct {
	name, path, id, arn string
	created, changed    time.Time
	role                *role
	tags                []tag
}

type profileXML struct {
	Path                string
	InstanceProfileName string
	InstanceProfileID   string `xml:"InstanceProfileId"`
	Arn                 string
	CreateDate          string
	Roles               []roleXML `xml:"Roles>member"`
	Tags                []tag     `xml:"Tags>member"`
}

func (p *profile) details() profileXML {
	out := profileXML{
		Path: p.path, InstanceProfileName: p.name, InstanceProfileID: p.id, Arn: p.arn, CreateDate: timestamp(p.created), Tags: p.tags,
	}
	if p.role != nil {
		out.Roles = []roleXML{p.role.summary()}
	}
	return out
}

type profileResult struct{ InstanceProfile profileXML }

func (s *Service) findProfile(c *wire.Call) (*profile, error) {
	name, err := name(c, "InstanceProfileName", 128)
	if err != nil {
		return nil, err
	}
	p, ok := s.profiles[name]
	if !ok || !s.visible(c, p.arn) {
		return nil, noSuchEntity("Instance Profile %s cannot be found.", name)
	}
	return p, nil
}

func (s *Service) createInstanceProfile(c *wire.Call) (any, error) {
	name, err := name(c, "InstanceProfileName", 128)
	if err != nil {
		return nil, err
	}
	path, err := path(c)
	if err != nil {
		return nil, err
	}
	all, err := tags(c, nil)
	if err != nil {
		return nil, err
	}
	for other := range s.profiles {
		if strings.EqualFold(other, name) {
			return nil, alreadyExists("Instance Profile %s already exists.", name)
		}
	}
	p := &profile{
		name: name, path: path, id: s.identifier("AIPA", name), arn: "arn:aws:iam::" + s.account + ":instance-profile" + path + name,
		created: c.Time, changed: c.Time, tags: all,
	}
	s.profiles[name] = p
	s.hub.Created("iam:" + p.arn)
	return profileResult{p.details()}, nil
}

func (s *Service) getInstanceProfile(c *wire.Call) (any, error) {
	p, err := s.findProfile(c)
	if err != nil {
		return nil, err
	}
	return profileResult{p.details()}, nil
}

// addRoleToInstanceProfile gives the profile its one role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html
func (s *Service) addRoleToInstanceProfile(c *wire.Call) (any, error) {
	p, err := s.findProfile(c)
	if err != nil {
		return nil, err
	}
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	if p.role != nil {
		return nil, limitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	}
	p.role, p.changed = r, c.Time
	return nil, nil
}

func (s *Service) removeRoleFromInstanceProfile(c *wire.Call) (any, error) {
	p, err := s.findProfile(c)
	if err != nil {
		return nil, err
	}
	if r, err := s.findRole(c); err != nil {
		return nil, err
	} else if p.role != r {
		return nil, noSuchEntity("Role %s in Instance Profile %s cannot be found.", r.name, p.name)
	}
	p.role, p.changed = nil, c.Time
	return nil, nil
}

func (s *Service) deleteInstanceProfile(c *wire.Call) (any, error) {
	p, err := s.findProfile(c)
	if err != nil {
		return nil, err
	}
	if p.role != nil {
		return nil, deleteConflict("remove roles from instance profile")
	}
	delete(s.profiles, p.name)
	return nil, nil
}

// profilesOf are the instance profiles that have a role, by name.
func (s *Service) profilesOf(r *role) []*profile {
	var out []*profile
	for _, name := range slices.Sorted(maps.Keys(s.profiles)) {
		if s.profiles[name].role == r {
			out = append(out, s.profiles[name])
		}
	}
	return out
}

func (s *Service) listInstanceProfilesForRole(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	var found []profileXML
	for _, p := range s.profilesOf(r) {
		if s.visible(c, p.arn) {
			found = append(found, p.details())
		}
	}
	items, rest, err := page(c, found)
	type result struct {
		InstanceProfiles []profileXML `xml:"InstanceProfiles>member"`
		more
	}
	return result{items, rest}, err
}

func (s *Service) untagInstanceProfile(c *wire.Call) (any, error) {
	p, err := s.findProfile(c)
	if err != nil {
		return nil, err
	}
	for _, key := range members(c.Form, "TagKeys") {
		p.tags = slices.DeleteFunc(slices.Clone(p.tags), func(t tag) bool { return strings.EqualFold(t.Key, key) })
	}
	return nil, nil
}

func (s *Service) tagInstanceProfile(c *wire.Call) (any, error) {
	p, err := s.findProfile(c)
	if err != nil {
		return nil, err
	}
	all, err := tags(c, p.tags)
	if err != nil {
		return nil, err
	}
	p.tags = all
	return nil, nil
}
