package ec2

import (
	"maps"
	"slices"
	"strings"
)

// ServiceDetail describes an endpoint service that somebody offers to the
// account.
type ServiceDetail struct {
	// Name such as com.amazonaws.vpce.<region>.vpce-svc-….
	Name string
	// Owner is the AWS account of the provider.
	Owner string
	// AcceptanceRequired makes endpoints wait for AcceptEndpoint.
	AcceptanceRequired bool
	// PrivateDNSName is the public name that endpoints can take over inside a
	// VPC. Without one, private DNS cannot be enabled.
	PrivateDNSName string
	// AvailabilityZones are the names of the zones that the service is offered
	// in; none means all of the region.
	AvailabilityZones []string
}

// endpointService is a service that endpoints can lead to.
type endpointService struct {
	ServiceDetail
	// gateway and iface are the types of endpoint that the service takes.
	gateway, iface bool
	// prefixList is the list of a gateway service's addresses.
	prefixList *prefixList
}

const amazon = "amazon"

// awsServices are the interface services of AWS itself, with the host name that
// their endpoints take over, before the region.
// https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
var awsServices = map[string]string{
	"ec2": "ec2", "ecr.api": "api.ecr", "events": "events", "glue": "glue", "kinesis-streams": "kinesis", "kms": "kms",
	"lambda": "lambda", "logs": "logs", "monitoring": "monitoring", "secretsmanager": "secretsmanager", "sns": "sns",
	"sqs": "sqs", "ssm": "ssm", "states": "states", "sts": "sts", "xray": "xray",
}

// builtinServices are the services that AWS offers in a region.
func builtinServices(region string, zones []zone) map[string]*endpointService {
	out := map[string]*endpointService{}
	for name, host := range awsServices {
		full := "com.amazonaws." + region + "." + name
		out[full] = &endpointService{iface: true, ServiceDetail: ServiceDetail{
			Name: full, Owner: amazon, PrivateDNSName: host + "." + region + ".amazonaws.com", AvailabilityZones: zoneNames(zones),
		}}
	}
	for name, cidrs := range gatewayServices {
		full := "com.amazonaws." + region + "." + name
		out[full] = &endpointService{
			gateway:       true,
			ServiceDetail: ServiceDetail{Name: full, Owner: amazon, AvailabilityZones: zoneNames(zones)},
			prefixList:    newPrefixList(full, cidrs),
		}
	}
	return out
}

func zoneNames(zones []zone) []string {
	return each(zones, func(z zone) string { return z.name })
}

// OfferService makes a service available to the account in a region, or changes
// it. It panics on a region that is not emulated.
func (s *Service) OfferService(region string, d ServiceDetail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil {
		panic(err)
	}
	d.AvailabilityZones = slices.Clone(d.AvailabilityZones)
	if len(d.AvailabilityZones) == 0 {
		d.AvailabilityZones = zoneNames(r.zones)
	}
	r.services[d.Name] = &endpointService{ServiceDetail: d, iface: true}
}

// WithdrawService makes a service unknown to the account. Endpoints to it stay.
func (s *Service) WithdrawService(region, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, err := s.open(region); err == nil {
		delete(r.services, name)
	}
}

// id of the service: the last part of the name of a customer's service.
func (e *endpointService) id() string {
	if _, id, ok := strings.Cut(e.Name, ".vpce-svc-"); ok {
		return "vpce-svc-" + id
	}
	return "vpce-svc-0" + fingerprint(e.Name)[:16]
}

// baseName is the end of the host names of a service's endpoints.
func (e *endpointService) baseName(region string) string {
	label := e.id()
	if e.Owner == amazon {
		host, _, _ := strings.Cut(e.PrivateDNSName, "."+region)
		label = host
	}
	return label + "." + region + ".vpce.amazonaws.com"
}

func (e *endpointService) types() []string {
	var out []string
	if e.gateway {
		out = append(out, gatewayEndpoint)
	}
	if e.iface {
		out = append(out, interfaceEndpoint)
	}
	return out
}

type serviceXML struct {
	ServiceName        string              `xml:"serviceName"`
	ServiceID          string              `xml:"serviceId"`
	ServiceTypes       set[serviceTypeXML] `xml:"serviceType"`
	ServiceRegion      string              `xml:"serviceRegion"`
	ZoneIDs            set[string]         `xml:"availabilityZoneIdSet"`
	Zones              set[string]         `xml:"availabilityZoneSet"`
	Owner              string              `xml:"owner"`
	BaseNames          set[string]         `xml:"baseEndpointDnsNameSet"`
	PrivateDNSName     string              `xml:"privateDnsName,omitempty"`
	PrivateDNSNames    *set[privateDNSXML] `xml:"privateDnsNameSet"`
	PolicySupported    bool                `xml:"vpcEndpointPolicySupported"`
	AcceptanceRequired bool                `xml:"acceptanceRequired"`
	ManagesEndpoints   bool                `xml:"managesVpcEndpoints"`
	Tags               set[tagXML]         `xml:"tagSet"`
	VerificationState  string              `xml:"privateDnsNameVerificationState,omitempty"`
	AddressTypes       set[string]         `xml:"supportedIpAddressTypeSet"`
}

type serviceTypeXML struct {
	Type string `xml:"serviceType"`
}

type privateDNSXML struct {
	Name string `xml:"privateDnsName"`
}

func (r *request) serviceXML(e *endpointService) serviceXML {
	out := serviceXML{
		ServiceName: e.Name, ServiceID: e.id(), ServiceRegion: r.name, Zones: setOf(e.AvailabilityZones), Owner: e.Owner,
		PolicySupported: e.Owner == amazon, AcceptanceRequired: e.AcceptanceRequired, PrivateDNSName: e.PrivateDNSName,
		AddressTypes: setOf([]string{"ipv4"}),
	}
	for _, z := range r.zones {
		if slices.Contains(e.AvailabilityZones, z.name) {
			out.ZoneIDs.add(z.id)
		}
	}
	for _, t := range e.types() {
		out.ServiceTypes.add(serviceTypeXML{t})
	}
	if e.gateway {
		_, host, _ := strings.Cut(e.Name, "com.amazonaws."+r.name+".")
		out.BaseNames.add(host + "." + r.name + ".amazonaws.com")
	} else {
		out.BaseNames.add(e.baseName(r.name))
	}
	if e.PrivateDNSName != "" {
		out.PrivateDNSNames = &set[privateDNSXML]{Items: []privateDNSXML{{e.PrivateDNSName}}}
		out.VerificationState = "verified"
	}
	return out
}

var serviceFields = fields[*endpointService]{
	"service-name":               func(_ *request, e *endpointService) []string { return []string{e.Name} },
	"service-type":               func(_ *request, e *endpointService) []string { return e.types() },
	"service-region":             func(r *request, _ *endpointService) []string { return []string{r.name} },
	"owner":                      func(_ *request, e *endpointService) []string { return []string{e.Owner} },
	"supported-ip-address-types": func(*request, *endpointService) []string { return []string{"ipv4"} },
}

type describeServicesInput struct {
	query
	ServiceNames []string `ec2:"ServiceName"`
}

// describeVpcEndpointServices lists the services of AWS. Those of other
// providers are found by name only.
func describeVpcEndpointServices(r *request, in *describeServicesInput) (any, error) {
	match, err := serviceFields.compile(r, in.Filters)
	if err != nil {
		return nil, err
	}
	names := in.ServiceNames
	if len(names) == 0 {
		for _, name := range slices.Sorted(maps.Keys(r.services)) {
			if r.services[name].Owner == amazon {
				names = append(names, name)
			}
		}
	}
	var found []*endpointService
	for _, name := range names {
		e, ok := r.services[name]
		if !ok {
			return nil, noSuchService(name)
		}
		if match(e) {
			found = append(found, e)
		}
	}
	page, next, err := paginate(found, in.query, 1)
	if err != nil {
		return nil, err
	}
	out := struct {
		Names   set[string]     `xml:"serviceNameSet"`
		Details set[serviceXML] `xml:"serviceDetailSet"`
		Next    string          `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, e := range page {
		out.Names.add(e.Name)
		out.Details.add(r.serviceXML(e))
	}
	return out, nil
}

func noSuchService(name string) error {
	return fault("InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", name)
}
