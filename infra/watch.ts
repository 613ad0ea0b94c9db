import { Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { BACKUP_COSTS } from './cost-estimate.ts';
import type { Machine } from './definitions.ts';
import type { DeployedPlaces } from './places.ts';
import type { DeployedPlan, Settings } from './settings.ts';

export interface Watched {
  readonly machines: readonly StateMachine[];
  readonly functions: Readonly<Record<string, LambdaFunction>>;
  readonly start: LambdaFunction;
  readonly deadLetters: Queue;
  readonly settings: Settings;
  readonly places: DeployedPlaces;
}

const FIVE_MINUTES = Duration.minutes(5);
const HOUR = Duration.hours(1);
/** An alarm looks back for a week at most. */
const MAX_HOURS = 7 * 24;

/** Alarms on everything that needs a person, and one dashboard. */
export function deployWatch(scope: Construct, watched: Watched): void {
  const { machines, start, deadLetters, settings } = watched;
  const topic = new Topic(scope, 'Alarms', { enforceSSL: true });
  if (settings.alarms.email !== null) {
    topic.addSubscription(new EmailSubscription(settings.alarms.email));
  }
  const alarm = (id: string, description: string, metric: Metric, more: Partial<Limits> = {}) => {
    new Alarm(scope, `${id}Alarm`, {
      alarmDescription: description,
      metric,
      threshold: 0,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...more,
    }).addAlarmAction(new SnsAction(topic));
  };
  for (const machine of machines) {
    const id = machine.node.id;
    const of = { period: FIVE_MINUTES, statistic: 'Sum' };
    alarm(`${id}Failed`, 'An execution failed; its cause says what', machine.metricFailed(of));
    alarm(`${id}TimedOut`, 'An execution ran out of time', machine.metricTimedOut(of));
    alarm(`${id}Aborted`, 'Somebody stopped an execution', machine.metricAborted(of));
  }
  alarm(
    'DeadLetters',
    'An event, a schedule or a sweep came to nothing: look at the message, correct, send it again',
    deadLetters.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES }),
  );
  alarm(
    'StartBackupErrors',
    'A backup could not be started',
    start.metricErrors({ period: FIVE_MINUTES }),
  );
  for (const plan of settings.plans) {
    alarm(
      `Age-${plan.name}-`,
      `A server of the plan ${plan.name} has had no good checkpoint for longer than ${plan.maxAgeHours} hours`,
      planMetric(scope, plan, 'OldestCheckpointHours'),
      // When nothing measures the age, nobody knows that all is well.
      {
        threshold: plan.maxAgeHours,
        evaluationPeriods: 3,
        treatMissingData: TreatMissingData.BREACHING,
      },
    );
    alarm(
      `Unprotected-${plan.name}-`,
      `A server of the plan ${plan.name} has no good checkpoint at all`,
      planMetric(scope, plan, 'UnprotectedServers'),
      { evaluationPeriods: Math.min(Math.ceil(plan.maxAgeHours), MAX_HOURS) },
    );
  }
  deployDashboard(scope, watched);
}

interface Limits {
  threshold: number;
  evaluationPeriods: number;
  treatMissingData: TreatMissingData;
}

function planMetric(scope: Construct, plan: DeployedPlan, metricName: string): Metric {
  return new Metric({
    namespace: 'snapbank',
    metricName,
    dimensionsMap: { Stack: Stack.of(scope).stackName, Plan: plan.name },
    statistic: 'Maximum',
    period: HOUR,
  });
}

function deployDashboard(
  scope: Construct,
  { machines, functions, deadLetters, settings, places }: Watched,
): void {
  const { stackName } = Stack.of(scope);
  const all = Object.values(functions);
  const widgets = [
    ...machines.map(
      (machine) =>
        new GraphWidget({
          title: `${machine.node.id}: executions`,
          left: [machine.metricStarted(), machine.metricSucceeded(), machine.metricFailed()],
        }),
    ),
    ...runWidgets(scope),
    costWidget(scope, places),
    new GraphWidget({
      title: 'Age of the oldest newest checkpoint [h]',
      left: settings.plans.map((plan) => planMetric(scope, plan, 'OldestCheckpointHours')),
    }),
    new GraphWidget({
      title: 'Servers without a checkpoint',
      left: settings.plans.map((plan) => planMetric(scope, plan, 'UnprotectedServers')),
    }),
    new GraphWidget({
      title: 'Functions: errors and throttles',
      left: all.flatMap((one) => [one.metricErrors(), one.metricThrottles()]),
    }),
    new GraphWidget({
      title: 'Functions: time [ms], the greater part of the cost',
      left: all.map((one) => one.metricDuration({ statistic: 'Sum' })),
    }),
    new GraphWidget({
      title: 'Dead letters',
      left: [deadLetters.metricApproximateNumberOfMessagesVisible()],
    }),
  ];
  new Dashboard(scope, 'Dashboard', {
    dashboardName: stackName,
    widgets: widgets.map((widget) => [widget]),
  });
}

const GIB = 1024 ** 3;
const DAY = Duration.days(1);

/** What ReportRun measured of the executions of a machine. */
function runMetric(
  scope: Construct,
  machine: Machine,
  metricName: string,
  statistic: 'Sum' | 'Maximum' = 'Sum',
): Metric {
  return new Metric({
    namespace: 'snapbank',
    metricName,
    dimensionsMap: { Stack: Stack.of(scope).stackName, Machine: machine },
    statistic,
    period: DAY,
  });
}

function runWidgets(scope: Construct): GraphWidget[] {
  const of = (machine: Machine, ...names: string[]) =>
    names.map((name) => runMetric(scope, machine, name));
  return [
    new GraphWidget({
      title: 'Backups: bytes read, new and stored a day',
      left: of('backup', 'BytesRead', 'BytesNew', 'BytesStored'),
    }),
    new GraphWidget({
      title: 'Backups: servers a day',
      left: of('backup', 'ServersSucceeded', 'ServersFailed'),
    }),
    new GraphWidget({
      title: 'Longest run of a day [s]',
      left: (['backup', 'restore', 'verify'] as const).map((machine) =>
        runMetric(scope, machine, 'Duration', 'Maximum').with({ label: machine }),
      ),
    }),
    new GraphWidget({
      title: 'Verification: checkpoints',
      left: of('verify', 'CheckpointsProven', 'CheckpointsDamaged', 'CheckpointsUnverified'),
    }),
    new GraphWidget({
      title: 'Restored, verified and collected: bytes a day',
      left: [
        ...of('restore', 'BytesRestored'),
        ...of('verify', 'BytesVerified'),
        ...of('collect-garbage', 'BytesDeleted'),
      ],
    }),
  ];
}

/** An estimate, of backups and what the bank's bucket holds: data transfer, restores and other things in that bucket are not in it. */
function costWidget(scope: Construct, { bank }: DeployedPlaces): GraphWidget {
  const { perServer, perGibRead, perGibStored, perGibMonth } = BACKUP_COSTS;
  const usingMetrics: Record<string, IMetric> = {
    succeeded: runMetric(scope, 'backup', 'ServersSucceeded'),
    failed: runMetric(scope, 'backup', 'ServersFailed'),
    read: runMetric(scope, 'backup', 'BytesRead'),
    stored: runMetric(scope, 'backup', 'BytesStored'),
  };
  const size = new Metric({
    namespace: 'AWS/S3',
    metricName: 'BucketSizeBytes',
    dimensionsMap: { BucketName: bank.bucket.bucketName, StorageType: 'StandardStorage' },
    statistic: 'Average',
    period: DAY,
  });
  return new GraphWidget({
    title: 'Estimated cost [US$]: backups of a day, storage of a month',
    left: [
      new MathExpression({
        label: 'backups of the day',
        expression: `(succeeded + failed) * ${perServer} + read / ${GIB} * ${perGibRead} + stored / ${GIB} * ${perGibStored}`,
        usingMetrics,
        period: DAY,
      }),
    ],
    right: [
      new MathExpression({
        label: 'storage of the month',
        expression: `size / ${GIB} * ${perGibMonth}`,
        usingMetrics: { size },
        period: DAY,
      }),
    ],
  });
}
