package route53

import (
	"cmp"
	"encoding/base64"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/wire"
)

type vpcInput struct {
	strict
	VPCRegion string
	VPCID     string `xml:"VPCId"`
}

var vpcID = regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`)

func (in vpcInput) vpc() (VPC, error) {
	switch {
	case in.VPCRegion == "":
		return VPC{}, invalidInput("A VPC has a VPCRegion.")
	case !vpcID.MatchString(in.VPCID):
		return VPC{}, &wire.Error{Code: "InvalidVPCId", Message: "The VPC: " + in.VPCID + " you provided is not authorized to make the association."}
	}
	return VPC{in.VPCRegion, in.VPCID}, nil
}

type createHostedZoneInput struct {
	strict
	Name             string
	CallerReference  string
	HostedZoneConfig struct {
		strict
		Comment     string
		PrivateZone bool
	}
	VPC *vpcInput
}

type zoneConfig struct {
	Comment     string `xml:",omitempty"`
	PrivateZone bool
}

type zoneOutput struct {
	ID                     string `xml:"Id"`
	Name                   string
	CallerReference        string
	Config                 zoneConfig
	ResourceRecordSetCount int
}

func (z *zone) output() zoneOutput {
	return zoneOutput{"/hostedzone/" + z.id, z.name, z.reference, zoneConfig{z.comment, z.private}, len(z.records)}
}

type vpcOutput struct {
	VPCRegion string
	VPCID     string `xml:"VPCId"`
}

// nameServers of every zone; those of a private one serve nobody.
var nameServers = []string{"ns-1536.awsdns-00.co.uk.", "ns-0.awsdns-00.com.", "ns-1024.awsdns-00.org.", "ns-512.awsdns-00.net."}

type delegationSet struct {
	NameServers struct{ NameServer []string }
}

// delegation is what only public zones have.
func (z *zone) delegation() *delegationSet {
	if z.private {
		return nil
	}
	var out delegationSet
	for _, name := range nameServers {
		out.NameServers.NameServer = append(out.NameServers.NameServer, strings.TrimSuffix(name, "."))
	}
	return &out
}

type createHostedZoneOutput struct {
	HostedZone    zoneOutput
	ChangeInfo    changeInfo
	DelegationSet *delegationSet
	VPC           *vpcOutput
}

func (o createHostedZoneOutput) location() string { return o.HostedZone.ID }

// createHostedZone creates a private zone if a VPC is given, else a public one.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html
func (s *Service) createHostedZone(r *request, in createHostedZoneInput) (any, error) {
	name, ok := canonical(in.Name)
	switch {
	case !ok || strings.HasPrefix(name, `\052.`):
		return nil, &wire.Error{Code: "InvalidDomainName", Message: in.Name + " is not a valid domain name"}
	case in.CallerReference == "" || len(in.CallerReference) > 128:
		return nil, invalidInput("A CallerReference has between 1 and 128 characters.")
	case len(in.HostedZoneConfig.Comment) > 256:
		return nil, invalidInput("A comment has at most 256 characters.")
	case in.HostedZoneConfig.PrivateZone && in.VPC == nil:
		return nil, invalidInput("A private hosted zone is created with a VPC.")
	case s.references[in.CallerReference]:
		return nil, &wire.Error{Status: http.StatusConflict, Code: "HostedZoneAlreadyExists",
			Message: "A hosted zone has already been created with the specified caller reference."}
	}
	z := &zone{name: name, reference: in.CallerReference, comment: in.HostedZoneConfig.Comment, tags: map[string]string{}, records: map[recordKey]Record{}}
	var association *vpcOutput
	if in.VPC != nil {
		v, err := in.VPC.vpc()
		if err != nil {
			return nil, err
		}
		if err := s.conflict(name, v); err != nil {
			return nil, err
		}
		z.private, z.vpcs, association = true, []VPC{v}, &vpcOutput{v.Region, v.ID}
	}
	z.put(Record{Name: name, Type: "NS", TTL: 172800, Values: slices.Clone(nameServers)})
	z.put(Record{Name: name, Type: "SOA", TTL: 900, Values: []string{nameServers[0] + " awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"}})
	if len(s.reserved) > 0 {
		z.id, s.reserved = s.reserved[0], s.reserved[1:]
	} else {
		z.id = s.newID("Z", name)
	}
	s.zones[z.id], s.references[z.reference] = z, true
	s.hub.Created("route53:" + z.id)
	return createHostedZoneOutput{z.output(), s.changed(r.Call, z, ""), z.delegation(), association}, nil
}

// conflict refuses a second zone of a name for the same VPC, which could not
// tell them apart.
func (s *Service) conflict(name string, v VPC) error {
	for _, z := range s.zones {
		if z.name == name && slices.Contains(z.vpcs, v) {
			return &wire.Error{Code: "ConflictingDomainExists", Message: "The VPC " + v.ID + " in region " + v.Region +
				" has already been associated with the hosted zone " + z.id + " with the same domain name."}
		}
	}
	return nil
}

// https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html
func (s *Service) getHostedZone(r *request, _ none) (any, error) {
	z, err := s.find(r)
	if err != nil {
		return nil, err
	}
	type vpcs struct{ VPC []vpcOutput }
	out := struct {
		HostedZone    zoneOutput
		DelegationSet *delegationSet
		VPCs          *vpcs
	}{HostedZone: z.output(), DelegationSet: z.delegation()}
	if z.private {
		out.VPCs = &vpcs{}
		for _, v := range z.vpcs {
			out.VPCs.VPC = append(out.VPCs.VPC, vpcOutput{v.Region, v.ID})
		}
	}
	return out, nil
}

// byName orders zones as Route 53 does, by their labels from the last to the
// first.
func byName(a, b *zone) int {
	return cmp.Or(slices.Compare(labels(a.name), labels(b.name)), cmp.Compare(a.id, b.id))
}

// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZonesByName.html
func (s *Service) listHostedZonesByName(r *request, _ none) (any, error) {
	size, err := r.maxItems(100)
	if err != nil {
		return nil, err
	}
	first := &zone{id: strings.TrimPrefix(r.query.Get("hostedzoneid"), "/hostedzone/")}
	if text := r.query.Get("dnsname"); text != "" {
		name, ok := canonical(text)
		if !ok {
			return nil, &wire.Error{Code: "InvalidDomainName", Message: text + " is not a valid domain name"}
		}
		first.name = name
	} else if first.id != "" {
		return nil, invalidInput("A HostedZoneId needs a DNSName.")
	}
	var found []*zone
	for _, z := range s.zones {
		if (first.name == "" || byName(z, first) >= 0) && s.visible(r.Call, z.id) {
			found = append(found, z)
		}
	}
	slices.SortFunc(found, byName)
	type zones struct{ HostedZone []zoneOutput }
	out := struct {
		DNSName          string `xml:",omitempty"`
		HostedZoneID     string `xml:"HostedZoneId,omitempty"`
		HostedZones      zones
		IsTruncated      bool
		MaxItems         int
		NextDNSName      string `xml:",omitempty"`
		NextHostedZoneID string `xml:"NextHostedZoneId,omitempty"`
	}{DNSName: r.query.Get("dnsname"), HostedZoneID: r.query.Get("hostedzoneid"), MaxItems: size}
	for i, z := range found {
		if i == size {
			out.IsTruncated, out.NextDNSName, out.NextHostedZoneID = true, z.name, z.id
			break
		}
		out.HostedZones.HostedZone = append(out.HostedZones.HostedZone, z.output())
	}
	return out, nil
}

// listHostedZonesByVPC lists by id. Its token is the last id of a page, so that
// what comes or goes between two pages shifts nothing.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZonesByVPC.html
func (s *Service) listHostedZonesByVPC(r *request, _ none) (any, error) {
	size, err := r.maxItems(100)
	if err != nil {
		return nil, err
	}
	v := VPC{r.query.Get("vpcregion"), r.query.Get("vpcid")}
	if v.Region == "" || !vpcID.MatchString(v.ID) {
		return nil, invalidInput("The VPC %q in the region %q is not valid.", v.ID, v.Region)
	}
	after, err := base64.StdEncoding.DecodeString(r.query.Get("nexttoken"))
	if err != nil {
		return nil, &wire.Error{Code: "InvalidPaginationToken", Message: "The NextToken is not valid."}
	}
	type owner struct{ OwningAccount string }
	type summary struct {
		HostedZoneID string `xml:"HostedZoneId"`
		Name         string
		Owner        owner
	}
	type summaries struct{ HostedZoneSummary []summary }
	out := struct {
		HostedZoneSummaries summaries
		MaxItems            int
		NextToken           string `xml:",omitempty"`
	}{MaxItems: size}
	last := ""
	for _, id := range slices.Sorted(maps.Keys(s.zones)) {
		z := s.zones[id]
		if id <= string(after) || !slices.Contains(z.vpcs, v) || !s.visible(r.Call, id) {
			continue
		}
		if len(out.HostedZoneSummaries.HostedZoneSummary) == size {
			out.NextToken = base64.StdEncoding.EncodeToString([]byte(last))
			break
		}
		out.HostedZoneSummaries.HostedZoneSummary = append(out.HostedZoneSummaries.HostedZoneSummary, summary{id, z.name, owner{s.account}})
		last = id
	}
	return out, nil
}

// https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHostedZone.html
func (s *Service) deleteHostedZone(r *request, _ none) (any, error) {
	z, err := s.find(r)
	if err != nil {
		return nil, err
	}
	for key := range z.records {
		if !z.own(key) {
			return nil, &wire.Error{Code: "HostedZoneNotEmpty", Message: "The specified hosted zone contains non-required resource record sets and so cannot be deleted."}
		}
	}
	delete(s.zones, z.id)
	return changeOutput{s.changed(r.Call, z, "")}, nil
}

type associationInput struct {
	strict
	VPC     vpcInput
	Comment string
}

// https://docs.aws.amazon.com/Route53/latest/APIReference/API_AssociateVPCWithHostedZone.html
func (s *Service) associateVPC(r *request, in associationInput) (any, error) {
	z, err := s.find(r)
	if err != nil {
		return nil, err
	}
	v, err := in.VPC.vpc()
	if err != nil {
		return nil, err
	}
	if !z.private {
		return nil, &wire.Error{Code: "PublicZoneVPCAssociation", Message: "You're trying to associate a VPC with a public hosted zone. Amazon Route 53 doesn't support that."}
	}
	if err := s.conflict(z.name, v); err != nil {
		return nil, err
	}
	z.vpcs = append(z.vpcs, v)
	return changeOutput{s.changed(r.Call, z, in.Comment)}, nil
}

// disassociateVPC leaves a private zone at least one VPC, as it would be public
// without.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_DisassociateVPCFromHostedZone.html
func (s *Service) disassociateVPC(r *request, in associationInput) (any, error) {
	z, err := s.find(r)
	if err != nil {
		return nil, err
	}
	v, err := in.VPC.vpc()
	if err != nil {
		return nil, err
	}
	i := slices.Index(z.vpcs, v)
	switch {
	case i < 0:
		return nil, &wire.Error{Status: http.StatusNotFound, Code: "VPCAssociationNotFound", Message: "The specified VPC and hosted zone are not currently associated."}
	case len(z.vpcs) == 1:
		return nil, &wire.Error{Code: "LastVPCAssociation", Message: "Only one VPC is currently associated with the hosted zone. You cannot disassociate a VPC from a private hosted zone when only one VPC is associated with the hosted zone."}
	}
	z.vpcs = slices.Delete(slices.Clone(z.vpcs), i, i+1)
	return changeOutput{s.changed(r.Call, z, in.Comment)}, nil
}
