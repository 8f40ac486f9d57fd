package ec2

import (
	"maps"
	"slices"
	"strings"
)

type tagParam struct {
	Key   string  `ec2:"Key"`
	Value *string `ec2:"Value"`
}

type tagSpecification struct {
	ResourceType string     `ec2:"ResourceType"`
	Tags         []tagParam `ec2:"Tag"`
}

type tagXML struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func tagSet(tags map[string]string) set[tagXML] {
	var out set[tagXML]
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.add(tagXML{Key: key, Value: tags[key]})
	}
	return out
}

// optionalTagSet is absent if there are no tags, as it is in some replies.
func optionalTagSet(tags map[string]string) *set[tagXML] {
	if len(tags) == 0 {
		return nil
	}
	out := tagSet(tags)
	return &out
}

// tagsFor reads the tags of a create call, which must be for the type of object
// that is created.
func tagsFor(resourceType string, specs []tagSpecification) (map[string]string, error) {
	tags := map[string]string{}
	for _, spec := range specs {
		if spec.ResourceType != resourceType {
			return nil, fault("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", spec.ResourceType)
		}
		if len(spec.Tags) == 0 {
			return nil, fault("InvalidParameterValue", "Tag specification must have at least one tag")
		}
		for _, t := range spec.Tags {
			if err := checkTag(t); err != nil {
				return nil, err
			}
			if _, repeated := tags[t.Key]; repeated {
				return nil, fault("InvalidParameterValue", "Duplicate tag key '%s' specified.", t.Key)
			}
			tags[t.Key] = t.value()
		}
	}
	return tags, nil
}

func (t tagParam) value() string {
	if t.Value == nil {
		return ""
	}
	return *t.Value
}

// checkTag applies the rules for keys and values.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
func checkTag(t tagParam) error {
	switch {
	case t.Key == "":
		return fault("InvalidParameterValue", "Tag key cannot be empty.")
	case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
		return fault("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
	case len([]rune(t.Key)) > 128:
		return fault("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters")
	case len([]rune(t.value())) > 256:
		return fault("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
	}
	return nil
}

// taggable finds any object by an id that the caller gave.
func (r *request) taggable(id string) (*Resource, error) {
	prefix, rest, _ := strings.Cut(id, "-")
	if strings.HasPrefix(rest, "attach-") {
		prefix += "-attach"
	}
	var v object
	var err error
	switch prefix + "-" {
	case vpcKind.prefix:
		v, err = find(r, &r.vpcs, vpcKind, id)
	case subnetKind.prefix:
		v, err = find(r, &r.subnets, subnetKind, id)
	case tableKind.prefix:
		v, err = find(r, &r.tables, tableKind, id)
	case aclKind.prefix:
		v, err = find(r, &r.acls, aclKind, id)
	case groupKind.prefix:
		v, err = find(r, &r.groups, groupKind, id)
	case ruleKind.prefix:
		v, err = find(r, &r.rules, ruleKind, id)
	case endpointKind.prefix:
		v, err = find(r, &r.endpoints, endpointKind, id)
	case interfaceKind.prefix:
		v, err = find(r, &r.interfaces, interfaceKind, id)
	case instanceKind.prefix:
		v, err = find(r, &r.instances, instanceKind, id)
	case gatewayKind.prefix:
		v, err = find(r, &r.gateways, gatewayKind, id)
	case addressKind.prefix:
		v, err = find(r, &r.addresses, addressKind, id)
	case natKind.prefix:
		v, err = find(r, &r.nats, natKind, id)
	case peeringKind.prefix:
		v, err = find(r, &r.peerings, peeringKind, id)
	case transitKind.prefix:
		v, err = find(r, &r.transits, transitKind, id)
	case transitAttachmentKind.prefix:
		v, err = find(r, &r.transitAttachments, transitAttachmentKind, id)
	case egressOnlyKind.prefix:
		v, err = find(r, &r.egressOnly, egressOnlyKind, id)
	case vpnKind.prefix:
		v, err = find(r, &r.vpns, vpnKind, id)
	default:
		return nil, fault("InvalidID", "The ID '%s' is not valid", id)
	}
	if err != nil {
		return nil, err
	}
	return v.self(), nil
}

type tagsInput struct {
	ResourceIDs []string   `ec2:"ResourceId,required"`
	Tags        []tagParam `ec2:"Tag"`
}

func (r *request) taggables(ids []string) ([]*Resource, error) {
	var out []*Resource
	for _, id := range ids {
		v, err := r.taggable(id)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func createTags(r *request, in *tagsInput) (any, error) {
	if len(in.Tags) == 0 {
		return nil, fault("MissingParameter", "The request must contain the parameter Tag")
	}
	for _, t := range in.Tags {
		if err := checkTag(t); err != nil {
			return nil, err
		}
	}
	targets, err := r.taggables(in.ResourceIDs)
	if err != nil {
		return nil, err
	}
	for _, v := range targets {
		for _, t := range in.Tags {
			v.Tags[t.Key] = t.value()
		}
	}
	return done, nil
}

// deleteTags deletes the tags with the given keys, and values if they are
// given; without any, all tags.
func deleteTags(r *request, in *tagsInput) (any, error) {
	targets, err := r.taggables(in.ResourceIDs)
	if err != nil {
		return nil, err
	}
	for _, v := range targets {
		if len(in.Tags) == 0 {
			clear(v.Tags)
		}
		for _, t := range in.Tags {
			if has, ok := v.Tags[t.Key]; ok && (t.Value == nil || *t.Value == has) {
				delete(v.Tags, t.Key)
			}
		}
	}
	return done, nil
}

type tagDescription struct {
	ResourceID   string `xml:"resourceId"`
	ResourceType string `xml:"resourceType"`
	Key          string `xml:"key"`
	Value        string `xml:"value"`
}

var tagFields = fields[tagDescription]{
	"key":           func(_ *request, t tagDescription) []string { return []string{t.Key} },
	"value":         func(_ *request, t tagDescription) []string { return []string{t.Value} },
	"resource-id":   func(_ *request, t tagDescription) []string { return []string{t.ResourceID} },
	"resource-type": func(_ *request, t tagDescription) []string { return []string{t.ResourceType} },
}

func describeTags(r *request, in *query) (any, error) {
	// tag:<key> selects tags by key and value in one filter.
	var filters []filter
	for _, f := range in.Filters {
		if key, ok := strings.CutPrefix(f.Name, "tag:"); ok {
			filters = append(filters, filter{Name: "key", Values: []string{key}}, filter{Name: "value", Values: f.Values})
			continue
		}
		filters = append(filters, f)
	}
	match, err := tagFields.compile(r, filters)
	if err != nil {
		return nil, err
	}
	var all []tagDescription
	collect := func(resourceType string, v *Resource) {
		for _, key := range slices.Sorted(maps.Keys(v.Tags)) {
			t := tagDescription{ResourceID: v.ID, ResourceType: resourceType, Key: key, Value: v.Tags[key]}
			if match(t) && r.visible(v.ID) {
				all = append(all, t)
			}
		}
	}
	collectAll("vpc", &r.vpcs, collect)
	collectAll("subnet", &r.subnets, collect)
	collectAll("route-table", &r.tables, collect)
	collectAll("network-acl", &r.acls, collect)
	collectAll("security-group", &r.groups, collect)
	collectAll("security-group-rule", &r.rules, collect)
	collectAll("vpc-endpoint", &r.endpoints, collect)
	collectAll("network-interface", &r.interfaces, collect)
	collectAll("internet-gateway", &r.gateways, collect)
	collectAll("elastic-ip", &r.addresses, collect)
	collectAll("natgateway", &r.nats, collect)
	collectAll("vpc-peering-connection", &r.peerings, collect)
	collectAll("transit-gateway", &r.transits, collect)
	collectAll("transit-gateway-attachment", &r.transitAttachments, collect)
	collectAll("egress-only-internet-gateway", &r.egressOnly, collect)
	collectAll("vpn-gateway", &r.vpns, collect)
	page, next, err := paginate(all, *in, 5)
	if err != nil {
		return nil, err
	}
	return struct {
		Tags set[tagDescription] `xml:"tagSet"`
		Next string              `xml:"nextToken,omitempty"`
	}{setOf(page), next}, nil
}

func collectAll[T object](resourceType string, s *store[T], collect func(string, *Resource)) {
	for _, v := range s.all() {
		collect(resourceType, v.self())
	}
}
