import { Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { DeployedPlan } from './settings.ts';

export interface ScheduledCall {
  readonly id: string;
  readonly description: string;
  readonly plan: Pick<DeployedPlan, 'schedule' | 'timeZone' | 'windowMinutes'>;
  readonly target: IFunction;
  readonly role: Role;
  readonly input: unknown;
  readonly deadLetters: Queue;
}

/** Calls a function when a plan says, in its time zone and window. */
export function scheduleCall(scope: Construct, name: string, call: ScheduledCall): void {
  const { schedule, timeZone, windowMinutes } = call.plan;
  new CfnSchedule(scope, call.id, {
    name: `${Stack.of(scope).stackName}-${name}`,
    description: call.description,
    scheduleExpression: schedule,
    scheduleExpressionTimezone: timeZone,
    flexibleTimeWindow:
      windowMinutes === 0
        ? { mode: 'OFF' }
        : { mode: 'FLEXIBLE', maximumWindowInMinutes: windowMinutes },
    target: {
      arn: call.target.functionArn,
      roleArn: call.role.roleArn,
      input: JSON.stringify(call.input),
      deadLetterConfig: { arn: call.deadLetters.queueArn },
      // By default it would try for a day: a nightly backup would start at noon.
      retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeInSeconds: 3600 },
    },
  });
}

export function scheduleRole(
  scope: Construct,
  name: string,
  functionArns: string[],
  deadLetters: Queue,
): Role {
  return new Role(scope, `${name}ScheduleRole`, {
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
    inlinePolicies: {
      calls: new PolicyDocument({
        statements: [
          new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: functionArns }),
          sendTo(deadLetters),
        ],
      }),
    },
  });
}

export function sendTo(queue: Queue): PolicyStatement {
  return new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] });
}
