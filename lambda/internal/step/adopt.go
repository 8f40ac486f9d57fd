package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// thing is how one object of a workspace is told from others of its kind.
type thing[T any] struct {
	// kind for people, and the value of the object tag.
	kind, object string
	// name that the spec wants, and path where the spec speaks of it.
	name, path string
	// label reads the id, the name and the tags of one.
	label func(T) (id, name string, tags awsapi.Tags)
	// fits says whether one of ours is as the spec wants it in what can never be
	// changed; nil means that each is. What does not fit is left where it is, and
	// another one takes its place.
	fits func(T) bool
}

// among picks the thing out of all that exist in its place: what carries our
// tags, or else what has its name and belongs to nobody. The latter is adopted
// if the spec says so and is a Conflict if not: it would be made a second time.
// Names are no identity in EC2, so what another workspace owns is passed over.
func (t thing[T]) among(doc *document.Document, all []T) ([]T, error) {
	var ours, namesakes []T
	var ids []string
	for _, one := range all {
		id, name, tags := t.label(one)
		switch owner := tags.Owner(); {
		case owner == doc.Workspace && tags[plan.TagObject] == t.object:
			if t.fits == nil || t.fits(one) {
				ours = append(ours, one)
			}
		case owner == "" && name == t.name:
			namesakes, ids = append(namesakes, one), append(ids, id)
		}
	}
	if len(ours) > 0 || len(namesakes) == 0 {
		return ours, nil
	}
	if doc.Adopt && len(namesakes) > 1 {
		return nil, failure.New(plan.Conflict,
			fmt.Sprintf("Rename all but the one that is meant, or give it as %s.id to use it as it is.", t.path),
			"looking for %s %s: %d have that name and could be adopted: %s", t.kind, t.name, len(ids), strings.Join(ids, ", "))
	}
	_, _, tags := t.label(namesakes[0])
	return namesakes, claim(doc, t.kind+" "+t.name, strings.Join(ids, ", "), t.path+".id", tags)
}

// former are the things of a place that this workspace has made or been given,
// beside those that it uses now.
func (t thing[T]) former(doc *document.Document, all []T, using ...string) []T {
	return matching(all, func(one T) bool {
		id, _, tags := t.label(one)
		return (tags.IsOwnedBy(doc.Workspace) || tags[plan.TagShared+doc.Workspace] == plan.Used) && !slices.Contains(using, id)
	})
}

// claim says whether an object that has a wanted name can be treated as ours:
// it is, or it belongs to nobody and the spec says to adopt it.
func claim(doc *document.Document, what, id, path string, tags awsapi.Tags) error {
	switch owner := tags.Owner(); {
	case owner == doc.Workspace:
		return nil
	case owner != "":
		return failure.New(plan.Conflict,
			fmt.Sprintf("Choose another name in the spec, or give the existing one as %s to use it as it is. If workspace %s is being retired, redrive the execution once that is done.", path, owner),
			"looking for %s: %s exists and was not made by this workspace but by %s", what, id, owner)
	case !doc.Adopt:
		return foreign(what, id, path)
	}
	for _, user := range tags.Users() {
		if user != doc.Workspace {
			return failure.New(plan.Conflict,
				fmt.Sprintf("Give it as %s to use it as it is, as that workspace does.", path),
				"adopting %s: workspace %s uses %s", what, user, id)
		}
	}
	return nil
}

// foreign is the Conflict of an object that has the wanted name but is not ours.
func foreign(what, id, path string) error {
	return failure.New(plan.Conflict,
		fmt.Sprintf("Choose another name in the spec, give the existing one as %s to use it as it is, or make it this workspace's own, to be changed and deleted with it: metadata.annotations[%q]: %q.",
			path, spec.AdoptAnnotation, "true"),
		"looking for %s: %s exists and was not made by this workspace", what, id)
}

// picking returns a look for the thing by a listing of all that exist.
func picking[T any](doc *document.Document, t thing[T], list func(context.Context) ([]T, error)) func(context.Context) ([]T, error) {
	return func(ctx context.Context) ([]T, error) {
		all, err := list(ctx)
		if err != nil {
			return nil, err
		}
		return t.among(doc, all)
	}
}
