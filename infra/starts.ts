import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import { EventField, type IEventBus, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type CfnFunction, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { BACKUP_REQUESTED, EVENT_SOURCE } from '../lib/events/event-types.ts';
import { acknowledge } from './acknowledge.ts';
import { type Machine, MACHINES } from './definitions.ts';
import { scheduleCall, scheduleRole, sendTo } from './schedule.ts';
import { planOf, type Settings } from './settings.ts';
import { type FunctionCommons, snapbankFunction } from './snapbank-function.ts';

export interface StartParts {
  readonly backup: StateMachine;
  readonly bus: IEventBus;
  readonly settings: Settings;
  readonly commons: FunctionCommons;
  readonly deadLetters: Queue;
}

/** What could not be delivered or failed for good waits here to be looked at; an alarm tells of it. */
export function deployDeadLetters(scope: Construct): Queue {
  const queue = new Queue(scope, 'DeadLetters', {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
  acknowledge(queue, 'SQS3', 'It is the dead-letter queue.');
  return queue;
}

/** The function that starts backups, the rules that send it events, and a schedule for each plan. */
export function deployStarts(scope: Construct, parts: StartParts): LambdaFunction {
  const { bus, settings, deadLetters } = parts;
  const start = startFunction(scope, parts);
  const target = () => new LambdaTarget(start, { deadLetterQueue: deadLetters, retryAttempts: 10 });
  new Rule(scope, 'BackupRequested', {
    description: 'Events that ask for a backup',
    eventBus: bus,
    eventPattern: { detailType: [BACKUP_REQUESTED] },
    targets: [target()],
  });
  const { notifications } = settings.events;
  if (notifications.length > 0) {
    new Rule(scope, 'Notifications', {
      description: 'Notifications of Nova that start a backup of their server',
      eventBus: bus,
      eventPattern: { detail: { event_type: notifications } },
      targets: [target()],
    });
  }
  const role = scheduleRole(scope, 'Plans', [start.functionArn], deadLetters);
  for (const plan of settings.plans) {
    scheduleCall(scope, plan.name, {
      id: `Plan-${plan.name}`,
      description: `Backups of the plan ${plan.name}`,
      plan,
      target: start,
      role,
      input: { plan: plan.name, scheduledTime: '<aws.scheduler.scheduled-time>' },
      deadLetters,
    });
  }
  return start;
}

function startFunction(
  scope: Construct,
  { backup, settings, commons, deadLetters }: StartParts,
): LambdaFunction {
  const { plans, events } = settings;
  const start = snapbankFunction(scope, commons, {
    name: 'StartBackup',
    description: 'Starts the backup that an event or a schedule asks for, once',
    timeout: Duration.minutes(1),
    memoryMiB: 256,
    readsSecrets: false,
    environment: {
      SNAPBANK_BACKUP_MACHINE: backup.stateMachineArn,
      SNAPBANK_PLANS: JSON.stringify(plans.map(planOf)),
      SNAPBANK_NOTIFICATIONS: JSON.stringify(events.notifications),
    },
    statements: [
      new PolicyStatement({
        actions: ['states:StartExecution'],
        resources: [backup.stateMachineArn],
      }),
      sendTo(deadLetters),
    ],
  });
  keepFailedEvents(start, deadLetters);
  return start;
}

/** Events arrive asynchronously: what the function refuses, or fails at three times, must not vanish. Its role needs `sendTo`. */
export function keepFailedEvents(target: LambdaFunction, deadLetters: Queue): void {
  (target.node.defaultChild as CfnFunction).deadLetterConfig = { targetArn: deadLetters.queueArn };
}

export interface SweepParts {
  readonly sweep: LambdaFunction;
  readonly machines: readonly StateMachine[];
  readonly deadLetters: Queue;
}

/**
 * A Catch does not run when an execution is stopped, runs out of time or fails at run time: then `sweep` removes what it left. Child
 * executions of a Map belong to machines of other ARNs and do not start it.
 */
export function deploySweeps(scope: Construct, { sweep, machines, deadLetters }: SweepParts): void {
  new Rule(scope, 'ExecutionsLeft', {
    description: 'Executions that ended without cleaning up after themselves',
    eventPattern: {
      source: ['aws.states'],
      detailType: ['Step Functions Execution Status Change'],
      detail: {
        status: ['FAILED', 'TIMED_OUT', 'ABORTED'],
        stateMachineArn: machines.map(({ stateMachineArn }) => stateMachineArn),
      },
    },
    targets: [
      new LambdaTarget(sweep, {
        event: RuleTargetInput.fromObject({
          execution: EventField.fromPath('$.detail.executionArn'),
        }),
        deadLetterQueue: deadLetters,
        retryAttempts: 10,
      }),
    ],
  });
  hourly(scope, 'Sweep', sweep, { execution: 'schedule' }, deadLetters, 'rate(6 hours)');
}

/** Calls a function by the clock. */
export function hourly(
  scope: Construct,
  name: string,
  target: LambdaFunction,
  input: unknown,
  deadLetters: Queue,
  scheduleExpression = 'rate(1 hour)',
): void {
  const role = scheduleRole(scope, name, [target.functionArn], deadLetters);
  new CfnSchedule(scope, `${name}Schedule`, {
    name: `${Stack.of(scope).stackName}-${name.toLowerCase()}`,
    scheduleExpression,
    flexibleTimeWindow: { mode: 'OFF' },
    target: {
      arn: target.functionArn,
      roleArn: role.roleArn,
      input: JSON.stringify(input),
      deadLetterConfig: { arn: deadLetters.queueArn },
      retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: 1800 },
    },
  });
}

/** Makes metrics of the events with which the executions of this stack end. */
export function deployRunReports(scope: Construct, parts: RunReportParts): void {
  const { bus, commons, deadLetters } = parts;
  const report = snapbankFunction(scope, commons, {
    name: 'ReportRun',
    description: 'Makes metrics of the end of an execution',
    timeout: Duration.seconds(30),
    memoryMiB: 256,
    readsSecrets: false,
    environment: { SNAPBANK_STACK: Stack.of(scope).stackName },
    statements: [sendTo(deadLetters)],
  });
  keepFailedEvents(report, deadLetters);
  new Rule(scope, 'RunsEnded', {
    description: 'Executions that published their end',
    eventBus: bus,
    eventPattern: {
      source: [EVENT_SOURCE],
      // Another stack may publish on the same bus.
      detail: {
        metadata: {
          execution: MACHINES.map((machine) => ({ prefix: executionsOf(scope, machine) })),
        },
      },
    },
    targets: [new LambdaTarget(report, { deadLetterQueue: deadLetters, retryAttempts: 10 })],
  });
}

function executionsOf(scope: Construct, machine: Machine): string {
  const stack = Stack.of(scope);
  return stack.formatArn({
    service: 'states',
    resource: 'execution',
    resourceName: `${stack.stackName}-${machine}:`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

export interface RunReportParts {
  readonly bus: IEventBus;
  readonly commons: FunctionCommons;
  readonly deadLetters: Queue;
}
