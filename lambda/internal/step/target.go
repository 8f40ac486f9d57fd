package step

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// in returns what a step or function acts on for a document: its AWS account, by
// the role that the spec names, if it names one.
func (d *Deps) in(name string, doc *document.Document) *Deps {
	arn := doc.Spec.AWS.RoleARN
	if arn == "" {
		return d
	}
	there := *d
	there.AWS = d.AWS.Assume(awsapi.Role{
		ARN: arn, ExternalID: doc.Workspace, Session: sessionName(doc), Policy: plan.SessionPolicy(name),
		Remedy: fmt.Sprintf("Let the trust policy of %s admit the roles %s of account %s with %s %q, as the template of \"make target-role\" does, "+
			"and see that the stack was deployed with it among its targetRoles. Then redrive the execution.",
			arn, plan.FunctionRoles, accountOf(doc.Execution.ARN), plan.ExternalIDKey, doc.Workspace),
	}, d.Now)
	return &there
}

var notInSession = regexp.MustCompile(`[^\w+=,.@-]`)

// maxSession is how long the name of a session may be.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
const maxSession = 64

// sessionName tells CloudTrail the workspace and the execution, and that it is
// one of ours.
func sessionName(doc *document.Document) string {
	name := doc.Execution.Name
	if !strings.HasPrefix(name, doc.Workspace+"-") {
		name = doc.Workspace + "-" + name
	}
	name = plan.FunctionPrefix + name
	name = notInSession.ReplaceAllString(name, "-")
	return name[:min(len(name), maxSession)]
}

// mayWorkIn refuses an AWS account that this Lakegate, which runs in home, has
// no way into.
func (d *Deps) mayWorkIn(account spec.AWS, home string) error {
	switch arn := account.RoleARN; {
	case arn == "" && account.AccountID != home:
		return failure.New(plan.SpecInvalid,
			fmt.Sprintf("Set spec.aws.roleArn to a role of account %s that this Lakegate may assume, set spec.aws.accountId to %q, or push the spec to the Lakegate of account %s.",
				account.AccountID, home, account.AccountID),
			"spec.aws.accountId is %s, but this Lakegate runs in account %s and spec.aws.roleArn names no role", account.AccountID, home)
	case arn != "" && !slices.Contains(d.TargetRoles, arn):
		return failure.New(plan.AccessDenied,
			fmt.Sprintf("If this Lakegate may assume %s, deploy it with -c targetRoles=<ARNs, separated by commas> that has it among them, then redrive the execution. Otherwise correct spec.aws.roleArn.", arn),
			"spec.aws.roleArn is %s, which is none of the targetRoles of this Lakegate in account %s", arn, home)
	}
	return nil
}

// withheld says whether an object is kept from us, as somebody else's may be. A
// role that may not be assumed says nothing of that.
func withheld(err error) bool {
	return failure.Is(err, plan.AccessDenied) && !errors.Is(err, awsapi.ErrRefused)
}
