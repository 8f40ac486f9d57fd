package plan

import (
	"strings"
	"time"
)

// Rules returns the EventBridge rules that wake the functions. Services deliver
// their events to the account's default bus at least once and on a best-effort
// basis; what we say ourselves is on a bus of our own.
func Rules() []Rule {
	return append([]Rule{
		{
			Name: "SpecPushed",
			Doc:  "A workspace spec was put into the source bucket.",
			// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
			Pattern: `{
  "source": ["aws.s3"],
  "detail-type": ["Object Created"],
  "detail": {
    "bucket": {"name": ["` + SourceBucket + `"]},
    "object": {"key": [{"wildcard": "` + SourcePrefix + `*.yaml"}, {"wildcard": "` + SourcePrefix + `*.yml"}]}
  }
}`,
			Target: dispatch.Name, Source: S3,
			MaxAge: 24 * time.Hour, MaxAttempts: 185,
		},
		{
			Name: "BranchPushed",
			Doc:  "The watched branch of the source repository was created or moved.",
			// https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
			Pattern: `{
  "source": ["aws.codecommit"],
  "detail-type": ["CodeCommit Repository State Change"],
  "detail": {
    "event": ["referenceCreated", "referenceUpdated"],
    "repositoryName": ["` + SourceRepository + `"],
    "referenceType": ["branch"],
    "referenceName": ["` + SourceBranch + `"]
  }
}`,
			Target: dispatch.Name, Source: CodeCommit,
			MaxAge: 24 * time.Hour, MaxAttempts: 185,
		},
		{
			Name: "SpecProposed",
			Doc:  "A workspace spec was proposed: it is planned and not applied.",
			Pattern: `{
  "source": ["aws.s3"],
  "detail-type": ["Object Created"],
  "detail": {
    "bucket": {"name": ["` + SourceBucket + `"]},
    "object": {"key": [{"wildcard": "` + ProposalPrefix + `*.yaml"}, {"wildcard": "` + ProposalPrefix + `*.yml"}]}
  }
}`,
			Target: planProposal.Name, Source: S3,
			MaxAge: time.Hour, MaxAttempts: 20,
		},
		{
			Name: "PullRequestProposed",
			Doc:  "A pull request to the watched branch was opened, or got other commits.",
			// https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
			Pattern: `{
  "source": ["aws.codecommit"],
  "detail-type": ["CodeCommit Pull Request State Change"],
  "detail": {
    "event": ["pullRequestCreated", "pullRequestSourceBranchUpdated"],
    "repositoryNames": ["` + SourceRepository + `"],
    "destinationReference": ["refs/heads/` + SourceBranch + `"],
    "pullRequestStatus": ["Open"]
  }
}`,
			Target: planProposal.Name, Source: CodeCommit,
			MaxAge: time.Hour, MaxAttempts: 20,
		},
		{
			Name: "SpecDeleted",
			Doc:  "A workspace spec was deleted from the source bucket.",
			// Old versions that expire are no deletion of anybody's.
			Pattern: `{
  "source": ["aws.s3"],
  "detail-type": ["Object Deleted"],
  "detail": {
    "bucket": {"name": ["` + SourceBucket + `"]},
    "object": {"key": [{"wildcard": "` + SourcePrefix + `*.yaml"}, {"wildcard": "` + SourcePrefix + `*.yml"}]},
    "reason": ["DeleteObject"]
  }
}`,
			Target: dispatch.Name, Source: S3,
			MaxAge: 24 * time.Hour, MaxAttempts: 185,
		},
		{
			Name:    "ExecutionFailed",
			Doc:     "An execution ended without having reported itself.",
			Pattern: executionFailed(StateMachine, RetirementMachine),
			Target:  reportFailure.Name,
			MaxAge:  24 * time.Hour, MaxAttempts: 185,
		},
		{
			Name:    "ComputeAbandoned",
			Doc:     "An execution ended without having stopped its compute.",
			Pattern: executionFailed(StateMachine),
			Target:  stopAbandonedCompute.Name,
			// After that the compute has stopped by itself.
			MaxAge: time.Hour, MaxAttempts: 20,
		},
	}, chatRules()...)
}

// executionFailed matches the end of an execution of one of the machines that is
// not a success.
// https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
func executionFailed(machines ...string) string {
	return `{
  "source": ["aws.states"],
  "detail-type": ["Step Functions Execution Status Change"],
  "detail": {
    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
    "stateMachineArn": ["` + strings.Join(machines, `", "`) + `"]
  }
}`
}
