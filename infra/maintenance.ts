import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { MaintenanceTask } from '../lib/events/maintenance.ts';
import type { DeployedPlaces } from './places.ts';
import { scheduleCall, scheduleRole, sendTo } from './schedule.ts';
import { type DeployedPlan, planOf, type Settings } from './settings.ts';
import type { FunctionCommons } from './snapbank-function.ts';
import { keepFailedEvents } from './starts.ts';
import { functionWithNeeds } from './state-functions.ts';

/** A task of a plan, when it is due, and what tells it from the others. */
interface DueTask {
  readonly label: string;
  readonly schedule: string;
  readonly task: MaintenanceTask;
}

export interface MaintenanceParts {
  readonly places: DeployedPlaces;
  readonly settings: Settings;
  readonly commons: FunctionCommons;
  readonly machines: Readonly<Record<string, StateMachine | undefined>>;
  readonly deadLetters: Queue;
}

/** Machines that the function may start. */
const STARTED = ['verify', 'prune', 'collect-garbage'] as const;

/** One schedule for each verification, pruning and collection of each plan. Nothing where no plan has any. */
export function deployMaintenance(scope: Construct, parts: MaintenanceParts): void {
  const { settings, deadLetters } = parts;
  const due = settings.plans.flatMap((plan) => tasksOf(plan).map((task) => ({ plan, ...task })));
  if (due.length === 0) return;
  const start = startFunction(scope, parts);
  const role = scheduleRole(scope, 'Maintenance', [start.functionArn], deadLetters);
  for (const { plan, label, schedule, task } of due) {
    scheduleCall(scope, `${plan.name}-${label}`, {
      id: `Maintenance-${plan.name}-${label}-`,
      description: `${task.machine} for the plan ${plan.name}`,
      plan: { ...plan, schedule },
      target: start,
      role,
      input: {
        plan: planOf(plan),
        task,
        label,
        scheduledTime: '<aws.scheduler.scheduled-time>',
      },
      deadLetters,
    });
  }
}

function startFunction(
  scope: Construct,
  { places, settings, commons, machines, deadLetters }: MaintenanceParts,
): LambdaFunction {
  const arns = STARTED.map((name) => [name, machines[name]?.stateMachineArn ?? ''] as const);
  const start = functionWithNeeds(scope, places, settings, commons, {
    name: 'StartMaintenance',
    description: 'Starts what proves, thins out or collects the checkpoints of a plan, once',
    timeout: Duration.minutes(10),
    environment: { SNAPBANK_MACHINES: Stack.of(scope).toJsonString(Object.fromEntries(arns)) },
    statements: [
      new PolicyStatement({
        actions: ['states:StartExecution'],
        resources: arns.map(([, arn]) => arn),
      }),
      sendTo(deadLetters),
    ],
  });
  keepFailedEvents(start, deadLetters);
  return start;
}

function tasksOf({ verify = [], prune, collect, timeZone }: DeployedPlan): DueTask[] {
  return [
    ...verify.map(({ schedule, level, samplePercent }, index) => ({
      label: index === 0 ? 'verify' : `verify-${index + 1}`,
      schedule,
      task: {
        machine: 'verify' as const,
        ...(level === undefined ? {} : { level }),
        ...(samplePercent === undefined ? {} : { samplePercent }),
      },
    })),
    ...(prune === undefined
      ? []
      : [
          {
            label: 'prune',
            schedule: prune.schedule,
            task: { machine: 'prune' as const, keep: prune.keep, timeZone },
          },
        ]),
    ...(collect === undefined
      ? []
      : [{ label: 'collect', schedule: collect, task: { machine: 'collect-garbage' as const } }]),
  ];
}
