package ec2

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Instance is a machine that somebody else has started: no action that does so
// is emulated.
type Instance struct {
	Resource
	VPCID    string
	SubnetID string
	Zone     string
	GroupIDs []string
	// State is running, shutting-down or terminated.
	State string
	// InterfaceID is its network interface; empty once it is terminated.
	InterfaceID string
}

// The states of an instance.
const (
	InstanceRunning      = "running"
	InstanceShuttingDown = "shutting-down"
	InstanceTerminated   = "terminated"
)

// shutdown is how long an instance takes from its termination until its network
// interface is gone: an estimate.
const shutdown = 40 * time.Second

// Launch starts an instance in a subnet, as Databricks would by the cross-account
// role, and returns its id.
func (s *Service) Launch(region, subnet string, groups []string, tags map[string]string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil {
		return "", fmt.Errorf("launching in %s: %w", region, err)
	}
	in, err := find(r, &r.subnets, subnetKind, subnet)
	if err != nil {
		return "", fmt.Errorf("launching in %s: %w", subnet, err)
	}
	i := &Instance{
		Resource: r.fresh(instanceKind.prefix, maps.Clone(tags)), VPCID: in.VPCID, SubnetID: in.ID, Zone: in.Zone,
		GroupIDs: slices.Clone(groups), State: InstanceRunning,
	}
	n, err := r.newInterface(in, i.ID, groups)
	if err != nil {
		return "", fmt.Errorf("launching in %s: %w", subnet, err)
	}
	n.Tags, i.InterfaceID = maps.Clone(tags), n.ID
	r.instances.add(i)
	return i.ID, nil
}

// Abandon leaves a network interface in a subnet that belongs to no instance any
// more, and returns its id.
func (s *Service) Abandon(region, subnet, description string, groups []string, tags map[string]string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil {
		return "", fmt.Errorf("leaving an interface in %s: %w", region, err)
	}
	in, err := find(r, &r.subnets, subnetKind, subnet)
	if err != nil {
		return "", fmt.Errorf("leaving an interface in %s: %w", subnet, err)
	}
	n, err := r.newInterface(in, "", groups)
	if err != nil {
		return "", fmt.Errorf("leaving an interface in %s: %w", subnet, err)
	}
	n.Tags, n.Description = maps.Clone(tags), description
	return n.ID, nil
}

// Instances returns a copy of all instances of a region.
func (s *Service) Instances(region string) []Instance {
	return snapshot(s, region, instancesOf, func(i *Instance) Instance {
		out := *i
		out.Resource = i.clone()
		return out
	})
}

func instancesOf(r *region) *store[*Instance] { return &r.instances }

var instances = listing[*Instance]{kind: instanceKind, least: 5, fields: fields[*Instance]{
	"instance-id":                 func(_ *request, i *Instance) []string { return []string{i.ID} },
	"instance-state-name":         func(_ *request, i *Instance) []string { return []string{i.State} },
	"vpc-id":                      func(_ *request, i *Instance) []string { return []string{i.VPCID} },
	"subnet-id":                   func(_ *request, i *Instance) []string { return []string{i.SubnetID} },
	"availability-zone":           func(_ *request, i *Instance) []string { return []string{i.Zone} },
	"instance.group-id":           func(_ *request, i *Instance) []string { return i.GroupIDs },
	"network-interface.group-id":  func(_ *request, i *Instance) []string { return i.GroupIDs },
	"network-interface.subnet-id": func(_ *request, i *Instance) []string { return []string{i.SubnetID} },
	"network-interface.vpc-id":    func(_ *request, i *Instance) []string { return []string{i.VPCID} },
	"owner-id":                    owner[*Instance],
	"tag-key":                     tagKeys[*Instance],
}}

type instanceStateXML struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

func instanceState(state string) instanceStateXML {
	return instanceStateXML{map[string]int{InstanceRunning: 16, InstanceShuttingDown: 32, InstanceTerminated: 48}[state], state}
}

type instanceXML struct {
	ID       string           `xml:"instanceId"`
	State    instanceStateXML `xml:"instanceState"`
	VpcID    string           `xml:"vpcId,omitempty"`
	SubnetID string           `xml:"subnetId,omitempty"`
	Groups   set[groupXML]    `xml:"groupSet"`
	Tags     set[tagXML]      `xml:"tagSet"`
}

type reservationXML struct {
	ID        string           `xml:"reservationId"`
	OwnerID   string           `xml:"ownerId"`
	Instances set[instanceXML] `xml:"instancesSet"`
}

type describeInstancesInput struct {
	query
	InstanceIDs []string `ec2:"InstanceId"`
}

func describeInstances(r *request, in *describeInstancesInput) (any, error) {
	page, next, err := instances.describe(r, &r.instances, in.InstanceIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Reservations set[reservationXML] `xml:"reservationSet"`
		Next         string              `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, i := range page {
		out.Reservations.add(reservationXML{
			ID: "r-0" + fingerprint(i.ID)[:16], OwnerID: r.account,
			Instances: setOf([]instanceXML{{
				ID: i.ID, State: instanceState(i.State), VpcID: i.VPCID, SubnetID: i.SubnetID, Groups: r.groupSet(i.GroupIDs), Tags: tagSet(i.Tags),
			}}),
		})
	}
	return out, nil
}

type terminateInstancesInput struct {
	InstanceIDs []string `ec2:"InstanceId,required"`
}

type instanceChangeXML struct {
	ID       string           `xml:"instanceId"`
	Current  instanceStateXML `xml:"currentState"`
	Previous instanceStateXML `xml:"previousState"`
}

// terminateInstances ends all that are named or, if one does not exist, none.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html
func terminateInstances(r *request, in *terminateInstancesInput) (any, error) {
	var all []*Instance
	for _, id := range in.InstanceIDs {
		i, err := find(r, &r.instances, instanceKind, id)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	out := struct {
		Instances set[instanceChangeXML] `xml:"instancesSet"`
	}{}
	for _, i := range all {
		before := i.State
		if i.State == InstanceRunning {
			i.State = InstanceShuttingDown
			r.later(r.now.Add(shutdown), func() {
				r.interfaces.remove(i.InterfaceID)
				i.State, i.InterfaceID = InstanceTerminated, ""
			})
			r.later(r.now.Add(deletedLife), func() { r.instances.remove(i.ID) })
		}
		out.Instances.add(instanceChangeXML{i.ID, instanceState(i.State), instanceState(before)})
	}
	return out, nil
}

type deleteNetworkInterfaceInput struct {
	InterfaceID string `ec2:"NetworkInterfaceId,required"`
}

func deleteNetworkInterface(r *request, in *deleteNetworkInterfaceInput) (any, error) {
	n, err := find(r, &r.interfaces, interfaceKind, in.InterfaceID)
	if err != nil {
		return nil, err
	}
	if n.HolderID != "" {
		return nil, fault("InvalidParameterValue", "Network interface '%s' is currently in use.", n.ID)
	}
	r.interfaces.remove(n.ID)
	return done, nil
}
