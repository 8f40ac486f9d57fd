package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodecommit"
	"github.com/aws/jsii-runtime-go"
)

// repositoryName is the repository that the stack makes, if it is given none.
const repositoryName = "lakegate-specs"

// newRepository returns the name of the git repository that is watched. One that
// is made outlives the stack.
func newRepository(stack awscdk.Stack, s settings) *string {
	if s.SourceRepository != "" {
		return &s.SourceRepository
	}
	repository := awscodecommit.NewCfnRepository(stack, jsii.String("SourceRepository"), &awscodecommit.CfnRepositoryProps{
		RepositoryName:        jsii.String(repositoryName),
		RepositoryDescription: jsii.String("Workspace specs of Lakegate."),
	})
	repository.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	return repository.AttrName()
}

// cloneURL is where a repository is cloned from by HTTPS.
// https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html
func cloneURL(stack awscdk.Stack, name *string) *string {
	return jsii.String("https://git-codecommit." + *stack.Region() + "." + *stack.UrlSuffix() + "/v1/repos/" + *name)
}
