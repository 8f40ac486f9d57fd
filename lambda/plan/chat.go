package plan

import "time"

// Products that people can be told by.
const (
	// Slack is a channel of Slack.
	Slack = "slack"
	// Teams is a channel of Microsoft Teams.
	Teams = "teams"
	// AmazonQ is a topic that Amazon Q Developer in chat applications reads.
	AmazonQ = "amazonq"
	// Webhook is an address that gets the events themselves.
	Webhook = "webhook"
)

// Products returns every product.
func Products() []string { return []string{Slack, Teams, AmazonQ, Webhook} }

// ChatPrefix is the folder of the state bucket that says what was posted.
const ChatPrefix = "chat/"

var (
	notifySlack   = notify("NotifySlack", "Posts what happens to a channel of Slack.", Slack, readChatSecret(SlackSecret)...)
	notifyTeams   = notify("NotifyTeams", "Posts what happens to a channel of Microsoft Teams.", Teams, readChatSecret(TeamsSecret)...)
	notifyAmazonQ = notify("NotifyAmazonQ", "Publishes what happens for Amazon Q Developer in chat applications.", AmazonQ, Permission{
		Why: "publish notifications", Actions: []string{"sns:Publish"}, Resources: []string{ChatTopic},
	})
	notifyWebhook = Function{
		Name: "NotifyWebhook", Doc: "Posts events, signed, to an address of the operator's.", Timeout: usual, Product: Webhook,
		Allow: readChatSecret(WebhookSecret),
	}
)

func notify(name, doc, product string, allow ...Permission) Function {
	return Function{
		Name: name, Doc: doc, Timeout: usual, Product: product,
		Allow: append(allow, listState, Permission{
			Why: "note what was posted, and find the message that another one belongs under", Actions: []string{"s3:GetObject", "s3:PutObject"},
			Resources: []string{bucketARN(StateBucket) + "/" + ChatPrefix + product + "/*"},
		}),
	}
}

func readChatSecret(placeholder string) []Permission {
	return []Permission{{
		Why: "know where to post, and as whom", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{placeholder},
	}}
}

// chatRules bring the events of our own bus to those who tell people. What is
// replayed was told before. Steps are told of where there is a thread, and only
// those which did something.
func chatRules() []Rule {
	const (
		news = `{
  "source": ["` + EventSource + `"],
  "detail-type": [{"anything-but": "Workspace Step Completed"}],
  "replay-name": [{"exists": false}]
}`
		newsAndSteps = `{
  "source": ["` + EventSource + `"],
  "replay-name": [{"exists": false}],
  "$or": [
    {"detail-type": [{"anything-but": "Workspace Step Completed"}]},
    {"detail": {"metadata": {"announced": [true]}, "data": {"outcome": [{"anything-but": ["Found", "Skipped"]}]}}}
  ]
}`
	)
	rule := func(name, doc, pattern string, f Function) Rule {
		return Rule{
			Name: name, Doc: doc, Pattern: pattern, Target: f.Name, Bus: EventBusName, Product: f.Product,
			// After that it is no news.
			MaxAge: 6 * time.Hour, MaxAttempts: 185,
		}
	}
	return []Rule{
		rule("TellSlack", "Something happened that a channel of Slack is told.", newsAndSteps, notifySlack),
		rule("TellTeams", "Something happened that a channel of Microsoft Teams is told.", news, notifyTeams),
		rule("TellAmazonQ", "Something happened that Amazon Q Developer in chat applications is told.", newsAndSteps, notifyAmazonQ),
		rule("TellWebhook", "Something happened that an address of the operator's is told.", news, notifyWebhook),
	}
}
