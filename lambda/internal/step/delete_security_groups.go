package step

import (
	"context"
	"slices"
	"strings"

	"lakegate/lambda/internal/document"
)

// deleteSecurityGroups deletes the security groups: that of the endpoints first,
// whose rules name that of compute.
func deleteSecurityGroups(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	all, err := ownedGroups(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, byObject)
	return deleteEach(ctx, doc, all, removeGroup(api))
}

// byObject sorts the group of the endpoints before that of compute.
func byObject(a, b owned) int { return strings.Compare(a.object, b.object) }
