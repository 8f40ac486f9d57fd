package kms

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

type alias struct {
	// key is the id of the key.
	key     string
	created time.Time
}

// maxAliases of a key.
// https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
const maxAliases = 50

// aliasesOf are the names of the aliases of a key in their order.
func (s *Service) aliasesOf(k *key) []string {
	var out []string
	for at, x := range s.aliases {
		if at.region == k.region && x.key == k.name {
			out = append(out, at.name)
		}
	}
	slices.Sort(out)
	return out
}

// aliasName is the pattern of names with what is refused later.
var aliasName = regexp.MustCompile(`^[a-zA-Z0-9:/_-]{1,256}$`)

func checkAlias(name string) error {
	switch rest, prefixed := strings.CutPrefix(name, "alias/"); {
	case !aliasName.MatchString(name):
		return validation(name, "aliasName", "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$")
	case !prefixed:
		return validation(name, "aliasName", `Alias must start with the prefix "alias/"`)
	case strings.HasPrefix(rest, "aws/"):
		return &wire.Error{Code: "NotAuthorizedException", Message: "The prefix alias/aws/ is reserved for AWS managed keys."}
	case rest == "" || strings.Contains(rest, ":"):
		return &wire.Error{Code: "InvalidAliasNameException", Message: "Alias " + name + " contains invalid characters for an alias"}
	}
	return nil
}

type createAliasInput struct {
	AliasName   string
	TargetKeyID string `json:"TargetKeyId"`
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
func (s *Service) createAlias(c *wire.Call, in createAliasInput) (any, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	k, err := s.alive(c, "targetKeyId", in.TargetKeyID)
	if err != nil {
		return nil, err
	}
	at, arn := place{c.Region, in.AliasName}, s.arn(c.Region, in.AliasName)
	if _, ok := s.aliases[at]; ok {
		return nil, &wire.Error{Code: "AlreadyExistsException", Message: "An alias with the name " + arn + " already exists"}
	}
	if len(s.aliasesOf(k)) >= maxAliases {
		return nil, limitExceeded("The key " + k.arn + " has too many aliases")
	}
	s.aliases[at] = &alias{k.name, c.Time}
	s.hub.Created("kms:" + arn)
	return nil, nil
}

type listAliasesInput struct {
	KeyID *string `json:"KeyId"`
	page
}

// listAliases lists the aliases of the account; those of AWS managed keys are
// not there.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html
func (s *Service) listAliases(c *wire.Call, in listAliasesInput) (any, error) {
	var only *key
	if in.KeyID != nil {
		k, err := s.find(c, "keyId", *in.KeyID)
		if err != nil {
			return nil, err
		}
		only = k
	}
	var names []string
	for at, x := range s.aliases {
		if at.region == c.Region && (only == nil || x.key == only.name) && s.visible(c, s.arn(at.region, at.name)) {
			names = append(names, at.name)
		}
	}
	names, more, err := in.cut(names, 50, 100)
	if err != nil {
		return nil, err
	}
	type entry struct {
		AliasArn        string
		AliasName       string
		CreationDate    *float64
		LastUpdatedDate *float64
		TargetKeyID     string `json:"TargetKeyId"`
	}
	out := struct {
		Aliases []entry
		next
	}{[]entry{}, more}
	for _, name := range names {
		x := s.aliases[place{c.Region, name}]
		out.Aliases = append(out.Aliases, entry{s.arn(c.Region, name), name, timestamp(x.created), timestamp(x.created), x.key})
	}
	return out, nil
}

type deleteAliasInput struct{ AliasName string }

// https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteAlias.html
func (s *Service) deleteAlias(c *wire.Call, in deleteAliasInput) (any, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	at := place{c.Region, in.AliasName}
	if _, ok := s.aliases[at]; !ok {
		return nil, notFound("Alias %s is not found.", s.arn(c.Region, in.AliasName))
	}
	delete(s.aliases, at)
	return nil, nil
}
