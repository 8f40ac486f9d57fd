// Package ec2 emulates the networking part of the Amazon EC2 API: VPCs,
// subnets, route tables, network ACLs, security groups, VPC endpoints, peering
// connections and gateways of every kind, of one account in every region that
// Databricks runs in.
//
// It keeps state, validates as the service does and answers with the service's
// error codes. Interface endpoints take their time: pendingAcceptance until
// their owner accepts them, pending until the drawn latency has passed, then
// available. Everything else is there at once, and what was deleted is described
// for an hour where AWS does so. A parameter that it does not know is refused
// with 501 and its name, never ignored.
package ec2

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
)

// DefaultAccount is the AWS account that owns everything unless New is told
// otherwise.
const DefaultAccount = "123456789012"

// defaultVPCLimit is the quota of VPCs per region of a new account.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const defaultVPCLimit = 5

// Service is the emulated EC2 API of one account. It is safe for concurrent
// use.
type Service struct {
	hub     *wire.Hub
	delays  *latency.Source
	account string

	mu      sync.Mutex
	regions map[string]*region
	issued  map[string]int
	// ids are all that were ever issued or reserved.
	ids      map[string]bool
	vpcLimit int
	// agenda is what will happen by itself, in the order of time.
	agenda []event
}

// New returns the API of an account that owns nothing yet. An empty account
// means DefaultAccount.
func New(hub *wire.Hub, delays *latency.Source, account string) *Service {
	if account == "" {
		account = DefaultAccount
	}
	return &Service{
		hub: hub, delays: delays, account: account,
		regions: map[string]*region{}, issued: map[string]int{}, ids: map[string]bool{}, vpcLimit: defaultVPCLimit,
	}
}

// LimitVPCs sets how many VPCs a region may hold.
func (s *Service) LimitVPCs(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vpcLimit = n
}

// Wire returns the API as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{
		Name: "ec2", Protocol: wire.EC2Query,
		Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
		Operations: map[string]wire.Operation{
			"DescribeAvailabilityZones": handle(s, describeAvailabilityZones),

			"CreateVpc":            handle(s, createVpc),
			"DescribeVpcs":         handle(s, describeVpcs),
			"DeleteVpc":            handle(s, deleteVpc),
			"DescribeVpcAttribute": handle(s, describeVpcAttribute),
			"ModifyVpcAttribute":   handle(s, modifyVpcAttribute),

			"AssociateVpcCidrBlock":       handle(s, associateVpcBlock),
			"DisassociateVpcCidrBlock":    handle(s, disassociateVpcBlock),
			"AssociateSubnetCidrBlock":    handle(s, associateSubnetBlock),
			"DisassociateSubnetCidrBlock": handle(s, disassociateSubnetBlock),

			"CreateSubnet":          handle(s, createSubnet),
			"DescribeSubnets":       handle(s, describeSubnets),
			"DeleteSubnet":          handle(s, deleteSubnet),
			"ModifySubnetAttribute": handle(s, modifySubnetAttribute),

			"CreateRouteTable":             handle(s, createRouteTable),
			"DescribeRouteTables":          handle(s, describeRouteTables),
			"AssociateRouteTable":          handle(s, associateRouteTable),
			"ReplaceRouteTableAssociation": handle(s, replaceRouteTableAssociation),
			"DisassociateRouteTable":       handle(s, disassociateRouteTable),
			"DeleteRouteTable":             handle(s, deleteRouteTable),
			"CreateRoute":                  handle(s, createRoute),
			"ReplaceRoute":                 handle(s, replaceRoute),
			"DeleteRoute":                  handle(s, deleteRoute),

			"CreateNetworkAcl":             handle(s, createNetworkACL),
			"DescribeNetworkAcls":          handle(s, describeNetworkACLs),
			"CreateNetworkAclEntry":        handle(s, createNetworkACLEntry),
			"ReplaceNetworkAclEntry":       handle(s, replaceNetworkACLEntry),
			"DeleteNetworkAclEntry":        handle(s, deleteNetworkACLEntry),
			"ReplaceNetworkAclAssociation": handle(s, replaceNetworkACLAssociation),
			"DeleteNetworkAcl":             handle(s, deleteNetworkACL),

			"CreateSecurityGroup":                        handle(s, createSecurityGroup),
			"DescribeSecurityGroups":                     handle(s, describeSecurityGroups),
			"DescribeSecurityGroupRules":                 handle(s, describeSecurityGroupRules),
			"AuthorizeSecurityGroupIngress":              handle(s, authorizeIngress),
			"AuthorizeSecurityGroupEgress":               handle(s, authorizeEgress),
			"RevokeSecurityGroupIngress":                 handle(s, revokeIngress),
			"RevokeSecurityGroupEgress":                  handle(s, revokeEgress),
			"UpdateSecurityGroupRuleDescriptionsIngress": handle(s, describeIngressRules),
			"UpdateSecurityGroupRuleDescriptionsEgress":  handle(s, describeEgressRules),
			"DeleteSecurityGroup":                        handle(s, deleteSecurityGroup),

			"DescribeVpcEndpointServices": handle(s, describeVpcEndpointServices),
			"CreateVpcEndpoint":           handle(s, createVpcEndpoint),
			"DescribeVpcEndpoints":        handle(s, describeVpcEndpoints),
			"ModifyVpcEndpoint":           handle(s, modifyVpcEndpoint),
			"DeleteVpcEndpoints":          handle(s, deleteVpcEndpoints),
			"DescribeNetworkInterfaces":   handle(s, describeNetworkInterfaces),
			"DescribePrefixLists":         handle(s, describePrefixLists),
			"DescribeManagedPrefixLists":  handle(s, describeManagedPrefixLists),

			"CreateInternetGateway":    handle(s, createInternetGateway),
			"DescribeInternetGateways": handle(s, describeInternetGateways),
			"AttachInternetGateway":    handle(s, attachInternetGateway),
			"DetachInternetGateway":    handle(s, detachInternetGateway),
			"DeleteInternetGateway":    handle(s, deleteInternetGateway),

			"DescribeInstances":      handle(s, describeInstances),
			"TerminateInstances":     handle(s, terminateInstances),
			"DeleteNetworkInterface": handle(s, deleteNetworkInterface),

			"AllocateAddress":     handle(s, allocateAddress),
			"DescribeAddresses":   handle(s, describeAddresses),
			"ReleaseAddress":      handle(s, releaseAddress),
			"CreateNatGateway":    handle(s, createNatGateway),
			"DescribeNatGateways": handle(s, describeNatGateways),
			"DeleteNatGateway":    handle(s, deleteNatGateway),

			"CreateVpcPeeringConnection":    handle(s, createPeering),
			"AcceptVpcPeeringConnection":    handle(s, acceptPeering),
			"DescribeVpcPeeringConnections": handle(s, describePeerings),
			"DeleteVpcPeeringConnection":    handle(s, deletePeering),

			"CreateTransitGateway":                 handle(s, createTransitGateway),
			"DescribeTransitGateways":              handle(s, describeTransitGateways),
			"DeleteTransitGateway":                 handle(s, deleteTransitGateway),
			"CreateTransitGatewayVpcAttachment":    handle(s, createTransitAttachment),
			"DescribeTransitGatewayVpcAttachments": handle(s, describeTransitAttachments),
			"DeleteTransitGatewayVpcAttachment":    handle(s, deleteTransitAttachment),

			"CreateEgressOnlyInternetGateway":    handle(s, createEgressOnlyGateway),
			"DescribeEgressOnlyInternetGateways": handle(s, describeEgressOnlyGateways),
			"DeleteEgressOnlyInternetGateway":    handle(s, deleteEgressOnlyGateway),

			"CreateVpnGateway":    handle(s, createVpnGateway),
			"AttachVpnGateway":    handle(s, attachVpnGateway),
			"DetachVpnGateway":    handle(s, detachVpnGateway),
			"DescribeVpnGateways": handle(s, describeVpnGateways),
			"DeleteVpnGateway":    handle(s, deleteVpnGateway),

			"CreateTags":   handle(s, createTags),
			"DeleteTags":   handle(s, deleteTags),
			"DescribeTags": handle(s, describeTags),
		},
	}
}

// request is one call while it is served: the service is locked.
type request struct {
	*Service
	*region
	now time.Time
	// params are the parameters as they came, for comparing repeated requests.
	params string
	// seen remembers what the hub said about an object, so that one request
	// counts as one read of it.
	seen map[string]bool
}

// handle turns a function over typed parameters into an operation.
func handle[In any](s *Service, act func(*request, *In) (any, error)) wire.Operation {
	return func(c *wire.Call) (any, error) {
		in := new(In)
		if err := decode(c.Action, c.Form, in); err != nil {
			return nil, err
		}
		if c.Form.Get("DryRun") == "true" {
			return nil, &wire.Error{
				Status: http.StatusPreconditionFailed, Code: "DryRunOperation",
				Message: "Request would have succeeded, but DryRun flag is set.",
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		r, err := s.open(c.Region)
		if err != nil {
			return nil, err
		}
		r.params = canonical(c.Form)
		return act(r, in)
	}
}

// open starts serving a request, or an accessor, in a region: what has become
// due in the meantime happens first. The service must be locked.
func (s *Service) open(name string) (*request, error) {
	reg, ok := s.regions[name]
	if !ok {
		zones, known := zonesOf[name]
		if !known {
			return nil, &wire.Error{
				Status: http.StatusNotImplemented, Code: "NotImplemented",
				Message: "the region " + strconv.Quote(name) + " is not emulated",
			}
		}
		reg = newRegion(name, zones)
		s.regions[name] = reg
	}
	r := &request{Service: s, region: reg, now: s.hub.Clock.Now(), seen: map[string]bool{}}
	s.settle(r.now)
	r.settleEndpoints()
	return r, nil
}

// visible says whether this request sees an object that exists.
func (r *request) visible(id string) bool {
	if _, asked := r.seen[id]; !asked {
		r.seen[id] = r.hub.Visible(id)
	}
	return r.seen[id]
}

// Reserve keeps ids for the next objects of their kinds in a region, in order:
// what somebody names in advance is then made by ordinary calls.
func (s *Service) Reserve(region string, ids ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil {
		return fmt.Errorf("reserving %s: %w", strings.Join(ids, ", "), err)
	}
	for _, id := range ids {
		if s.ids[id] {
			return fmt.Errorf("reserving %s: it is taken", id)
		}
		s.ids[id] = true
		prefix := id[:strings.LastIndexByte(id, '-')+1]
		r.reserved[prefix] = append(r.reserved[prefix], id)
	}
	return nil
}

// newID returns the next id with a prefix such as vpc-: one that is reserved, or
// a new one. The same calls in the same order get the same ids.
func (r *request) newID(prefix string) string {
	if ids := r.reserved[prefix]; len(ids) > 0 {
		r.reserved[prefix] = ids[1:]
		return ids[0]
	}
	for {
		r.issued[prefix]++
		id := prefix + "0" + fingerprint(r.account + "/" + prefix + strconv.Itoa(r.issued[prefix]))[:16]
		if !r.ids[id] {
			r.ids[id] = true
			return id
		}
	}
}

// fresh names a new object and tells the hub of it.
func (r *request) fresh(prefix string, tags map[string]string) Resource {
	id := r.newID(prefix)
	if tags == nil {
		tags = map[string]string{}
	}
	r.hub.Created(id)
	return Resource{ID: id, Tags: tags}
}

// arn names an object of this account and region.
func (r *request) arn(kind, id string) string {
	return "arn:" + partition(r.name) + ":ec2:" + r.name + ":" + r.account + ":" + kind + "/" + id
}

// fingerprint is 64 hexadecimal digits that depend on nothing but the text.
func fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
