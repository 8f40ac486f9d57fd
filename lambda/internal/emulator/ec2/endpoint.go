package ec2

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
)

// The types of endpoint that are emulated.
const (
	interfaceEndpoint = "Interface"
	gatewayEndpoint   = "Gateway"
)

// endpointLimit is the quota of interface endpoints per VPC.
// https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html
const endpointLimit = 50

// The states of an endpoint, in the lower case of the API's replies.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html
const (
	StatePendingAcceptance = "pendingAcceptance"
	StatePending           = "pending"
	StateAvailable         = "available"
	StateDeleting          = "deleting"
	StateDeleted           = "deleted"
	StateRejected          = "rejected"
	StateFailed            = "failed"
	StateExpired           = "expired"
)

// Endpoint is a private way from a VPC to a service.
type Endpoint struct {
	Resource
	VPCID string
	// Service is the name of the service.
	Service string
	// Type is Interface or Gateway.
	Type string
	// State is one of the State constants.
	State string
	// Policy is the JSON document that restricts what may pass.
	Policy string
	// PrivateDNS says whether the service's own name leads to the endpoint
	// inside the VPC.
	PrivateDNS bool
	// SubnetIDs, GroupIDs and InterfaceIDs are set for interface endpoints, the
	// route tables for gateway endpoints.
	SubnetIDs, GroupIDs, InterfaceIDs, RouteTableIDs []string
	// DNS are the names of an interface endpoint, the private ones last.
	DNS []DNSEntry
	// Created is when the endpoint was created.
	Created time.Time
	// Failure says why the endpoint is failed.
	Failure EndpointFailure
	// Key is the key of the endpoint's latencies in the source of latencies.
	Key string

	service *endpointService
	// due is when a pending endpoint settles, or a deleting one is gone.
	due time.Time
	// doom is why a pending endpoint will fail, if it will.
	doom *EndpointFailure
}

// DNSEntry is a name of an endpoint.
type DNSEntry struct{ Name, ZoneID string }

// EndpointFailure is the service's own message about an endpoint that failed.
type EndpointFailure struct{ Code, Message string }

// settleEndpoints does what has become due: pending endpoints settle, deleting
// ones go.
func (r *request) settleEndpoints() {
	if r.due.IsZero() || r.now.Before(r.due) {
		return
	}
	r.due = time.Time{}
	for _, e := range r.endpoints.all() {
		switch {
		case e.due.IsZero():
			continue
		case r.now.Before(e.due):
			r.schedule(e, e.due)
			continue
		}
		e.due = time.Time{}
		switch {
		case e.State == StateDeleting:
			r.removeEndpoint(e)
		case e.doom != nil:
			e.State, e.Failure, e.doom = StateFailed, *e.doom, nil
		default:
			e.State = StateAvailable
		}
	}
}

// SettleEndpoints lets the pending endpoints of a region settle now, as if they
// had been there for long.
func (s *Service) SettleEndpoints(region string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil {
		return fmt.Errorf("settling endpoints of %s: %w", region, err)
	}
	for _, e := range r.endpoints.where(func(e *Endpoint) bool { return e.State == StatePending }) {
		r.schedule(e, r.now)
	}
	r.settleEndpoints()
	return nil
}

func (r *request) removeEndpoint(e *Endpoint) {
	for _, id := range e.InterfaceIDs {
		r.interfaces.remove(id)
	}
	e.InterfaceIDs, e.SubnetIDs = nil, nil
	e.State = StateDeleted
	r.endpoints.remove(e.ID)
}

// work makes an endpoint pending for as long as a kind of change takes.
func (r *request) work(e *Endpoint, k latency.Kind) {
	e.State = StatePending
	r.schedule(e, r.now.Add(r.delays.Draw(k, e.Key)))
}

// schedule says when an endpoint changes by itself.
func (r *request) schedule(e *Endpoint, at time.Time) {
	e.due = at
	if r.due.IsZero() || at.Before(r.due) {
		r.due = at
	}
}

// connection is the kind of latency of an endpoint's first connection.
func (e *Endpoint) connection() latency.Kind {
	if e.service.Owner == amazon {
		return latency.AWSEndpoint
	}
	return latency.DatabricksEndpoint
}

type createVpcEndpointInput struct {
	Type          string             `ec2:"VpcEndpointType"`
	VpcID         string             `ec2:"VpcId,required"`
	Service       string             `ec2:"ServiceName,required"`
	Policy        string             `ec2:"PolicyDocument"`
	RouteTableIDs []string           `ec2:"RouteTableId"`
	SubnetIDs     []string           `ec2:"SubnetId"`
	GroupIDs      []string           `ec2:"SecurityGroupId"`
	AddressType   string             `ec2:"IpAddressType"`
	ClientToken   string             `ec2:"ClientToken"`
	PrivateDNS    *bool              `ec2:"PrivateDnsEnabled"`
	Tags          []tagSpecification `ec2:"TagSpecification"`
}

func createVpcEndpoint(r *request, in *createVpcEndpointInput) (any, error) {
	reply := func(e *Endpoint) any {
		return struct {
			Endpoint endpointXML `xml:"vpcEndpoint"`
			Token    string      `xml:"clientToken,omitempty"`
		}{r.endpointXML(e), in.ClientToken}
	}
	before, again, err := repeated[*Endpoint](r, "CreateVpcEndpoint", in.ClientToken)
	if err != nil {
		return nil, err
	}
	if again {
		return reply(before), nil
	}
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	service, ok := r.services[in.Service]
	if !ok {
		return nil, noSuchService(in.Service)
	}
	if in.AddressType != "" && in.AddressType != "ipv4" {
		return nil, notEmulated("IpAddressType %s", in.AddressType)
	}
	tags, err := tagsFor("vpc-endpoint", in.Tags)
	if err != nil {
		return nil, err
	}
	policy, err := checkPolicy(service, in.Policy)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{VPCID: v.ID, Service: service.Name, Type: in.Type, Policy: policy, Created: r.now, service: service}
	switch in.Type {
	case "", gatewayEndpoint:
		e.Type = gatewayEndpoint
		err = r.createGatewayEndpoint(e, in, tags)
	case interfaceEndpoint:
		err = r.createInterfaceEndpoint(v, e, in, tags)
	case "GatewayLoadBalancer", "Resource", "ServiceNetwork", "Tunnel":
		err = notEmulated("the endpoint type %s", in.Type)
	default:
		err = fault("InvalidVpcEndpointType", "The VPC endpoint type %s is not valid.", in.Type)
	}
	if err != nil {
		return nil, err
	}
	r.remember("CreateVpcEndpoint", in.ClientToken, e)
	return reply(e), nil
}

func mismatch(e *Endpoint) error {
	return fault("InvalidParameter", "Endpoint type (%s) does not match available service types ([%s]).", e.Type, strings.Join(e.service.types(), ", "))
}

// createGatewayEndpoint adds the service's prefix list to the route tables. A
// gateway endpoint is available at once.
func (r *request) createGatewayEndpoint(e *Endpoint, in *createVpcEndpointInput, tags map[string]string) error {
	switch {
	case !e.service.gateway:
		return mismatch(e)
	case len(in.SubnetIDs) > 0:
		return fault("InvalidParameter", "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.")
	case len(in.GroupIDs) > 0:
		return fault("InvalidParameter", "Security Group IDs are only supported for Interface type VPC Endpoints.")
	case in.PrivateDNS != nil && *in.PrivateDNS:
		return fault("InvalidParameter", "Private DNS can only be enabled for Interface type VPC Endpoints.")
	}
	tables, err := r.gatewayTables(e, in.RouteTableIDs)
	if err != nil {
		return err
	}
	e.Resource = r.fresh("vpce-", tags)
	e.Key = r.delayKey(e, in.ClientToken)
	e.State = StateAvailable
	r.endpoints.add(e)
	r.addPrefixRoutes(e, tables)
	return nil
}

// gatewayTables finds route tables that a gateway endpoint can be added to.
func (r *request) gatewayTables(e *Endpoint, ids []string) ([]*RouteTable, error) {
	tables, err := findAll(r, &r.tables, tableKind, ids)
	if err != nil {
		return nil, err
	}
	for i, t := range tables {
		if t.VPCID != e.VPCID {
			return nil, differentNetworks("Route table", t.ID, "VPC endpoint", e.VPCID)
		}
		taken := slices.ContainsFunc(t.Routes, func(route Route) bool { return route.Destination == e.service.prefixList.ID })
		if taken || slices.Contains(ids[:i], t.ID) {
			return nil, fault("RouteAlreadyExists", "route table %s already has a route with destination-prefix-list-id %s", t.ID, e.service.prefixList.ID)
		}
	}
	return tables, nil
}

func (r *request) addPrefixRoutes(e *Endpoint, tables []*RouteTable) {
	for _, t := range tables {
		t.Routes = append(t.Routes, Route{Destination: e.service.prefixList.ID, Target: e.ID, Origin: "CreateRoute"})
		e.RouteTableIDs = append(e.RouteTableIDs, t.ID)
	}
}

func (r *request) removePrefixRoutes(e *Endpoint, tableIDs []string) {
	for _, id := range tableIDs {
		if t, ok := r.tables.get(id); ok {
			t.Routes = slices.DeleteFunc(t.Routes, func(route Route) bool { return route.Target == e.ID })
		}
	}
	e.RouteTableIDs = without(e.RouteTableIDs, tableIDs...)
}

// createInterfaceEndpoint puts the endpoint into its subnets. Whether it then
// waits for its owner or only for AWS depends on the service.
func (r *request) createInterfaceEndpoint(v *VPC, e *Endpoint, in *createVpcEndpointInput, tags map[string]string) error {
	if !e.service.iface {
		return mismatch(e)
	}
	if len(in.RouteTableIDs) > 0 {
		return fault("InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.")
	}
	siblings := slices.DeleteFunc(r.endpoints.of(v.ID), func(other *Endpoint) bool { return other.Type != interfaceEndpoint })
	if len(siblings) >= endpointLimit {
		return fault("VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached.")
	}
	subnets, err := r.endpointSubnets(e, in.SubnetIDs)
	if err != nil {
		return err
	}
	groups, err := r.endpointGroups(e, in.GroupIDs)
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		groups = slices.DeleteFunc(r.groups.of(v.ID), func(g *SecurityGroup) bool { return g.Name != defaultGroup })
	}
	// Private DNS is on unless the request says otherwise, where there is a name.
	wanted := e.service.PrivateDNSName != ""
	if in.PrivateDNS != nil {
		wanted = *in.PrivateDNS
	}
	if wanted {
		if err := r.checkPrivateDNS(v, e); err != nil {
			return err
		}
	}
	e.Resource = r.fresh("vpce-", tags)
	e.Key = r.delayKey(e, in.ClientToken)
	e.PrivateDNS = wanted
	for _, g := range groups {
		e.GroupIDs = append(e.GroupIDs, g.ID)
	}
	for _, s := range subnets {
		if err := r.addInterface(e, s); err != nil {
			r.removeEndpoint(e)
			return err
		}
	}
	r.endpoints.add(e)
	r.nameEndpoint(e)
	if doomed := r.doomed[e.Service]; len(doomed) > 0 {
		e.doom, r.doomed[e.Service] = &doomed[0], doomed[1:]
	}
	if e.service.AcceptanceRequired {
		e.State = StatePendingAcceptance
	} else {
		r.work(e, e.connection())
	}
	return nil
}

// delayKey identifies an endpoint across runs, which its id does not: by the
// name that it was given, else by the request's token, else by its place among
// the endpoints to the same service.
func (r *request) delayKey(e *Endpoint, token string) string {
	own := e.Tags["Name"]
	if own == "" {
		own = token
	}
	if own == "" {
		own = "#" + strconv.Itoa(len(r.endpoints.where(func(other *Endpoint) bool { return other.Service == e.Service })))
	}
	return r.name + "/" + e.Service + "/" + own
}

// endpointSubnets finds subnets that an interface endpoint can be added to: of
// its VPC, in zones of the service, no two in one zone.
func (r *request) endpointSubnets(e *Endpoint, ids []string) ([]*Subnet, error) {
	subnets, err := findAll(r, &r.subnets, subnetKind, ids)
	if err != nil {
		return nil, err
	}
	taken := map[string]bool{}
	for _, id := range e.InterfaceIDs {
		n, _ := r.interfaces.get(id)
		taken[n.Zone] = true
	}
	for _, s := range subnets {
		switch {
		case s.VPCID != e.VPCID:
			return nil, differentNetworks("Subnet", s.ID, "VPC", e.VPCID)
		case !slices.Contains(e.service.AvailabilityZones, s.Zone):
			return nil, fault("InvalidParameter", "The VPC endpoint service %s does not support the availability zone of the subnet: %s.", e.Service, s.ID)
		case taken[s.Zone]:
			return nil, fault("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of %s. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service.", s.ID)
		}
		taken[s.Zone] = true
	}
	return subnets, nil
}

// endpointGroups finds security groups of the endpoint's VPC.
func (r *request) endpointGroups(e *Endpoint, ids []string) ([]*SecurityGroup, error) {
	groups, err := findAll(r, &r.groups, groupKind, ids)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if g.VPCID != e.VPCID {
			return nil, differentNetworks("Security group", g.ID, "VPC", e.VPCID)
		}
	}
	return groups, nil
}

// checkPrivateDNS says why private DNS cannot be enabled.
func (r *request) checkPrivateDNS(v *VPC, e *Endpoint) error {
	name := e.service.PrivateDNSName
	if name == "" {
		return fault("InvalidParameter", "Private DNS can't be enabled because the service %s does not provide a private DNS name.", e.Service)
	}
	if !v.DNSSupport || !v.DNSHostnames {
		return fault("InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for %s", v.ID)
	}
	for _, other := range r.endpoints.of(v.ID) {
		holds := !slices.Contains([]string{StateRejected, StateFailed, StateExpired}, other.State)
		if other != e && other.PrivateDNS && holds && other.service.PrivateDNSName == name {
			return fault("InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for %s in the VPC %s", name, v.ID)
		}
	}
	return nil
}

// nameEndpoint gives an interface endpoint its host names: for all zones, for
// each zone, and the service's own if private DNS is on.
func (r *request) nameEndpoint(e *Endpoint) {
	first := e.ID + "-" + fingerprint(e.ID)[:8]
	base := e.service.baseName(r.name)
	public := "Z" + strings.ToUpper(fingerprint("zone/" + r.name)[:13])
	e.DNS = []DNSEntry{{Name: first + "." + base, ZoneID: public}}
	for _, id := range e.InterfaceIDs {
		n, _ := r.interfaces.get(id)
		e.DNS = append(e.DNS, DNSEntry{Name: first + "-" + n.Zone + "." + base, ZoneID: public})
	}
	if e.PrivateDNS {
		e.DNS = append(e.DNS, DNSEntry{Name: e.service.PrivateDNSName, ZoneID: "Z" + strings.ToUpper(fingerprint(e.VPCID + e.Service)[:20])})
	}
}

// fullAccess is the policy of an endpoint that was given none.
const fullAccess = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`

// checkPolicy returns the policy of a new endpoint.
func checkPolicy(service *endpointService, policy string) (string, error) {
	if policy == "" {
		return fullAccess, nil
	}
	if service.Owner != amazon {
		return "", fault("InvalidParameter", "The VPC endpoint service %s does not support VPC endpoint policies.", service.Name)
	}
	var doc struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(policy), &doc); err != nil || len(doc.Statement) == 0 {
		return "", fault("InvalidPolicyDocument", "Invalid Policy Document")
	}
	return policy, nil
}

type endpointXML struct {
	ID               string        `xml:"vpcEndpointId"`
	Type             string        `xml:"vpcEndpointType"`
	VpcID            string        `xml:"vpcId"`
	Service          string        `xml:"serviceName"`
	State            string        `xml:"state"`
	Policy           string        `xml:"policyDocument"`
	RouteTableIDs    set[string]   `xml:"routeTableIdSet"`
	SubnetIDs        set[string]   `xml:"subnetIdSet"`
	Groups           set[groupXML] `xml:"groupSet"`
	AddressType      string        `xml:"ipAddressType,omitempty"`
	DNSOptions       *dnsOptions   `xml:"dnsOptions"`
	PrivateDNS       bool          `xml:"privateDnsEnabled"`
	RequesterManaged bool          `xml:"requesterManaged"`
	InterfaceIDs     set[string]   `xml:"networkInterfaceIdSet"`
	DNS              set[dnsXML]   `xml:"dnsEntrySet"`
	Created          string        `xml:"creationTimestamp"`
	Tags             set[tagXML]   `xml:"tagSet"`
	OwnerID          string        `xml:"ownerId"`
	FailureReason    string        `xml:"failureReason,omitempty"`
	LastError        *lastError    `xml:"lastError"`
	ServiceRegion    string        `xml:"serviceRegion"`
}

type dnsOptions struct {
	RecordIPType string `xml:"dnsRecordIpType"`
}

type dnsXML struct {
	Name   string `xml:"dnsName"`
	ZoneID string `xml:"hostedZoneId"`
}

type lastError struct {
	Code    string `xml:"code"`
	Message string `xml:"message"`
}

func (r *request) endpointXML(e *Endpoint) endpointXML {
	out := endpointXML{
		ID: e.ID, Type: e.Type, VpcID: e.VPCID, Service: e.Service, State: e.State, Policy: e.Policy,
		RouteTableIDs: setOf(e.RouteTableIDs), SubnetIDs: setOf(e.SubnetIDs), Groups: r.groupSet(e.GroupIDs),
		PrivateDNS: e.PrivateDNS, InterfaceIDs: setOf(e.InterfaceIDs), Created: timestamp(e.Created), Tags: tagSet(e.Tags),
		OwnerID: r.account, ServiceRegion: r.name,
	}
	if e.Type == interfaceEndpoint {
		out.AddressType, out.DNSOptions = "ipv4", &dnsOptions{"ipv4"}
	}
	for _, d := range e.DNS {
		out.DNS.add(dnsXML(d))
	}
	if e.State == StateFailed {
		out.FailureReason, out.LastError = e.Failure.Message, &lastError{e.Failure.Code, e.Failure.Message}
	}
	return out
}

var vpcEndpoints = listing[*Endpoint]{kind: endpointKind, parent: "vpc-id", least: 1, fields: fields[*Endpoint]{
	"vpc-endpoint-id":    func(_ *request, e *Endpoint) []string { return []string{e.ID} },
	"vpc-endpoint-state": func(_ *request, e *Endpoint) []string { return []string{e.State} },
	"vpc-endpoint-type":  func(_ *request, e *Endpoint) []string { return []string{e.Type} },
	"vpc-id":             func(_ *request, e *Endpoint) []string { return []string{e.VPCID} },
	"service-name":       func(_ *request, e *Endpoint) []string { return []string{e.Service} },
	"service-region":     func(r *request, _ *Endpoint) []string { return []string{r.name} },
	"ip-address-type":    func(*request, *Endpoint) []string { return []string{"ipv4"} },
	"tag-key":            tagKeys[*Endpoint],
}}

type describeVpcEndpointsInput struct {
	query
	EndpointIDs []string `ec2:"VpcEndpointId"`
}

func describeVpcEndpoints(r *request, in *describeVpcEndpointsInput) (any, error) {
	page, next, err := vpcEndpoints.describe(r, &r.endpoints, in.EndpointIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Endpoints set[endpointXML] `xml:"vpcEndpointSet"`
		Next      string           `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, e := range page {
		out.Endpoints.add(r.endpointXML(e))
	}
	return out, nil
}

type modifyVpcEndpointInput struct {
	EndpointID        string   `ec2:"VpcEndpointId,required"`
	ResetPolicy       bool     `ec2:"ResetPolicy"`
	Policy            string   `ec2:"PolicyDocument"`
	AddRouteTables    []string `ec2:"AddRouteTableId"`
	RemoveRouteTables []string `ec2:"RemoveRouteTableId"`
	AddSubnets        []string `ec2:"AddSubnetId"`
	RemoveSubnets     []string `ec2:"RemoveSubnetId"`
	AddGroups         []string `ec2:"AddSecurityGroupId"`
	RemoveGroups      []string `ec2:"RemoveSecurityGroupId"`
	PrivateDNS        *bool    `ec2:"PrivateDnsEnabled"`
}

// modifyVpcEndpoint changes an endpoint that is available. What changes its
// interfaces or its names makes it pending again.
func modifyVpcEndpoint(r *request, in *modifyVpcEndpointInput) (any, error) {
	e, err := find(r, &r.endpoints, endpointKind, in.EndpointID)
	if err != nil {
		return nil, err
	}
	if e.State != StateAvailable {
		return nil, fault("IncorrectState", "The VPC endpoint %s is in the state %s and cannot be modified.", e.ID, e.State)
	}
	policy := e.Policy
	if in.Policy != "" || in.ResetPolicy {
		if in.Policy != "" && in.ResetPolicy {
			return nil, fault("InvalidParameterCombination", "The parameters PolicyDocument and ResetPolicy cannot be used together")
		}
		if policy, err = checkPolicy(e.service, in.Policy); err != nil {
			return nil, err
		}
	}
	if e.Type == gatewayEndpoint {
		err = r.modifyGatewayEndpoint(e, in)
	} else {
		err = r.modifyInterfaceEndpoint(e, in)
	}
	if err != nil {
		return nil, err
	}
	e.Policy = policy
	return done, nil
}

func (r *request) modifyGatewayEndpoint(e *Endpoint, in *modifyVpcEndpointInput) error {
	switch {
	case len(in.AddSubnets)+len(in.RemoveSubnets) > 0:
		return fault("InvalidParameter", "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.")
	case len(in.AddGroups)+len(in.RemoveGroups) > 0:
		return fault("InvalidParameter", "Security Group IDs are only supported for Interface type VPC Endpoints.")
	case in.PrivateDNS != nil:
		return fault("InvalidParameter", "Private DNS can only be enabled for Interface type VPC Endpoints.")
	}
	tables, err := r.gatewayTables(e, in.AddRouteTables)
	if err != nil {
		return err
	}
	for _, id := range in.RemoveRouteTables {
		if !slices.Contains(e.RouteTableIDs, id) {
			return fault("InvalidRouteTableId.NotFound", "Route table %s is not associated with the VPC endpoint %s", id, e.ID)
		}
	}
	r.removePrefixRoutes(e, in.RemoveRouteTables)
	r.addPrefixRoutes(e, tables)
	return nil
}

func (r *request) modifyInterfaceEndpoint(e *Endpoint, in *modifyVpcEndpointInput) error {
	if len(in.AddRouteTables)+len(in.RemoveRouteTables) > 0 {
		return fault("InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.")
	}
	subnets, err := r.endpointSubnets(e, in.AddSubnets)
	if err != nil {
		return err
	}
	groups, err := r.endpointGroups(e, in.AddGroups)
	if err != nil {
		return err
	}
	var leaving []*NetworkInterface
	for _, subnetID := range in.RemoveSubnets {
		i := slices.IndexFunc(e.InterfaceIDs, func(id string) bool {
			n, _ := r.interfaces.get(id)
			return n.SubnetID == subnetID
		})
		if i < 0 {
			return fault(subnetKind.notFound, "The subnet ID '%s' is not associated with the VPC endpoint %s", subnetID, e.ID)
		}
		n, _ := r.interfaces.get(e.InterfaceIDs[i])
		leaving = append(leaving, n)
	}
	groupIDs := without(e.GroupIDs, in.RemoveGroups...)
	for _, g := range groups {
		if !slices.Contains(groupIDs, g.ID) {
			groupIDs = append(groupIDs, g.ID)
		}
	}
	if len(groupIDs) == 0 {
		return fault("InvalidParameter", "The VPC endpoint %s must have at least one security group.", e.ID)
	}
	turned := in.PrivateDNS != nil && *in.PrivateDNS != e.PrivateDNS
	if turned && *in.PrivateDNS {
		v, _ := r.vpcs.get(e.VPCID)
		if err := r.checkPrivateDNS(v, e); err != nil {
			return err
		}
	}
	for _, s := range subnets {
		if r.freeAddresses(s) == 0 {
			_, err := r.freeAddress(s)
			return err
		}
	}

	e.GroupIDs = groupIDs
	for _, n := range leaving {
		r.removeInterface(e, n)
	}
	for _, s := range subnets {
		if err := r.addInterface(e, s); err != nil {
			return err
		}
	}
	for _, id := range e.InterfaceIDs {
		n, _ := r.interfaces.get(id)
		n.GroupIDs = slices.Clone(groupIDs)
	}
	if turned {
		e.PrivateDNS = *in.PrivateDNS
	}
	switch {
	case turned:
		r.work(e, latency.PrivateDNS)
	case len(subnets)+len(leaving) > 0:
		r.work(e, e.connection())
	}
	r.nameEndpoint(e)
	return nil
}

type deleteVpcEndpointsInput struct {
	EndpointIDs []string `ec2:"VpcEndpointId,required"`
}

type unsuccessfulXML struct {
	ResourceID string    `xml:"resourceId"`
	Error      lastError `xml:"error"`
}

// deleteVpcEndpoints deletes what it can and lists the rest. An interface
// endpoint keeps its interfaces, and so its subnets and groups, until it is gone.
func deleteVpcEndpoints(r *request, in *deleteVpcEndpointsInput) (any, error) {
	out := struct {
		Unsuccessful set[unsuccessfulXML] `xml:"unsuccessful"`
	}{}
	for _, id := range in.EndpointIDs {
		e, err := find(r, &r.endpoints, endpointKind, id)
		switch {
		case err != nil:
			e, _ := errors.AsType[*wire.Error](err)
			out.Unsuccessful.add(unsuccessfulXML{id, lastError{e.Code, e.Message}})
		case e.Type == gatewayEndpoint:
			r.removePrefixRoutes(e, e.RouteTableIDs)
			r.removeEndpoint(e)
		case e.State != StateDeleting:
			e.State = StateDeleting
			r.schedule(e, r.now.Add(r.delays.Draw(latency.EndpointDeletion, e.Key)))
		}
	}
	return out, nil
}
