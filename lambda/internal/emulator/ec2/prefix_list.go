package ec2

import (
	"maps"
	"slices"
)

// gatewayServices are the services of AWS that are reached by a gateway
// endpoint. Their address ranges stand for the real ones, which differ between
// regions and change.
var gatewayServices = map[string][]string{
	"dynamodb": {"52.94.8.0/24"},
	"s3":       {"3.5.152.0/21", "52.219.0.0/20"},
}

// prefixList is the set of addresses of a service, managed by AWS.
type prefixList struct {
	Resource
	name  string
	cidrs []string
}

func newPrefixList(service string, cidrs []string) *prefixList {
	return &prefixList{Resource: Resource{ID: "pl-" + fingerprint(service)[:8]}, name: service, cidrs: cidrs}
}

// prefixLists are the lists of a region, in the order of their names.
func (r *region) prefixLists() store[*prefixList] {
	out := newStore(func(*prefixList) string { return "" })
	for _, name := range slices.Sorted(maps.Keys(r.services)) {
		if list := r.services[name].prefixList; list != nil {
			out.add(list)
		}
	}
	return out
}

func (r *region) prefixList(id string) (*prefixList, bool) {
	lists := r.prefixLists()
	return lists.get(id)
}

var prefixLists = listing[*prefixList]{kind: prefixKind, least: 1, fields: fields[*prefixList]{
	"prefix-list-id":   func(_ *request, l *prefixList) []string { return []string{l.ID} },
	"prefix-list-name": func(_ *request, l *prefixList) []string { return []string{l.name} },
}}

var managedPrefixLists = listing[*prefixList]{kind: prefixKind, least: 1, fields: fields[*prefixList]{
	"prefix-list-id":   prefixLists.fields["prefix-list-id"],
	"prefix-list-name": prefixLists.fields["prefix-list-name"],
	"owner-id":         func(*request, *prefixList) []string { return []string{"AWS"} },
	"tag-key":          tagKeys[*prefixList],
}}

type describePrefixListsInput struct {
	query
	PrefixListIDs []string `ec2:"PrefixListId"`
}

type prefixListXML struct {
	ID    string      `xml:"prefixListId"`
	Name  string      `xml:"prefixListName"`
	CIDRs set[string] `xml:"cidrSet"`
}

func describePrefixLists(r *request, in *describePrefixListsInput) (any, error) {
	lists := r.prefixLists()
	page, next, err := prefixLists.describe(r, &lists, in.PrefixListIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Lists set[prefixListXML] `xml:"prefixListSet"`
		Next  string             `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, l := range page {
		out.Lists.add(prefixListXML{ID: l.ID, Name: l.name, CIDRs: setOf(l.cidrs)})
	}
	return out, nil
}

type managedPrefixListXML struct {
	ID            string      `xml:"prefixListId"`
	AddressFamily string      `xml:"addressFamily"`
	State         string      `xml:"state"`
	Arn           string      `xml:"prefixListArn"`
	Name          string      `xml:"prefixListName"`
	OwnerID       string      `xml:"ownerId"`
	Tags          set[tagXML] `xml:"tagSet"`
}

func describeManagedPrefixLists(r *request, in *describePrefixListsInput) (any, error) {
	lists := r.prefixLists()
	page, next, err := managedPrefixLists.describe(r, &lists, in.PrefixListIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Lists set[managedPrefixListXML] `xml:"prefixListSet"`
		Next  string                    `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, l := range page {
		out.Lists.add(managedPrefixListXML{
			ID: l.ID, AddressFamily: "IPv4", State: "create-complete", Name: l.name, OwnerID: "AWS",
			Arn: "arn:" + partition(r.name) + ":ec2:" + r.name + ":aws:prefix-list/" + l.ID,
		})
	}
	return out, nil
}
