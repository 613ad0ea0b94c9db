import { CfnOutput, Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { planOf, type Settings, WEBHOOKS_AT_ONCE, webhooksReserved } from './settings.ts';
import { type FunctionCommons, snapbankFunction } from './snapbank-function.ts';
import { secretStatement } from './statements.ts';

export interface WebhookParts {
  readonly backup: StateMachine;
  readonly settings: Settings;
  readonly commons: FunctionCommons;
}

/** The function URL that starts backups for whoever knows the secret. Nothing where the settings name no secret. */
export function deployWebhook(scope: Construct, { backup, settings, commons }: WebhookParts): void {
  const { webhook, plans } = settings;
  if (webhook === null) return;
  const receive = snapbankFunction(scope, commons, {
    name: 'ReceiveWebhook',
    description: 'Starts the backup that a signed request asks for, once',
    timeout: Duration.seconds(30),
    memoryMiB: 256,
    readsSecrets: true,
    environment: {
      SNAPBANK_BACKUP_MACHINE: backup.stateMachineArn,
      SNAPBANK_PLANS: JSON.stringify(plans.map(planOf)),
      SNAPBANK_WEBHOOK_SECRET: webhook.secret,
    },
    statements: [
      new PolicyStatement({
        actions: ['states:StartExecution'],
        resources: [backup.stateMachineArn],
      }),
      secretStatement(scope, webhook.secret),
    ],
    // Everybody can call it: it must not take the functions that back up out of the account.
    ...(webhooksReserved(settings) ? { atOnce: WEBHOOKS_AT_ONCE } : {}),
  });
  // IAM cannot sign for those who have no account here; the function checks a signature of its own.
  const url = receive.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
  new CfnOutput(scope, 'WebhookUrl', { value: url.url });
}
