import { CfnOutput, Duration, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import type { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { MACHINES, readDefinition } from './definitions.ts';
import { deployContainers } from './containers.ts';
import { networkOf } from './network.ts';
import { deployPlaces } from './places.ts';
import { planOf, type Settings } from './settings.ts';
import { deployMaintenance } from './maintenance.ts';
import {
  deployDeadLetters,
  deployRunReports,
  deployStarts,
  deploySweeps,
  hourly,
} from './starts.ts';
import { deployStateFunctions, functionWithNeeds } from './state-functions.ts';
import { deployMachine } from './state-machine.ts';
import { deployWatch } from './watch.ts';
import { deployWebhook } from './webhook.ts';

export interface SnapbankStackProps extends StackProps {
  readonly settings: Settings;
  /** Where the bundle of a file of functions/ is. */
  readonly codeOf: (fileName: string) => Code;
  /** Holds the Dockerfile of the containers and what it copies. */
  readonly containerDirectory: string;
}

/** Everything that snapbank is on AWS. */
export class SnapbankStack extends Stack {
  constructor(
    scope: Construct,
    { settings, codeOf, containerDirectory, ...props }: SnapbankStackProps,
  ) {
    super(scope, settings.stack, {
      description: 'snapbank: backs up OpenStack servers with their data, and brings them back',
      terminationProtection: true,
      ...props,
    });
    const { logDays } = settings;
    const places = deployPlaces(this, settings);
    const bus = EventBus.fromEventBusName(this, 'Bus', settings.events.busName ?? 'default');
    const commons = { codeOf, logDays, network: networkOf(this, settings.network) };
    const definitions = MACHINES.map(readDefinition);
    const functions = deployStateFunctions(this, definitions, places, settings, commons);
    const containers = deployContainers(this, {
      definitions,
      places,
      settings,
      directory: containerDirectory,
    });
    const machines = definitions.map((definition) =>
      deployMachine(this, definition, { functions, containers, work: places.work, bus, logDays }),
    );
    const [backup] = machines;
    const { Sweep: sweep } = functions;
    if (backup === undefined || sweep === undefined) throw new Error('There is no backup machine.');
    const deadLetters = deployDeadLetters(this);
    const start = deployStarts(this, { backup, bus, settings, commons, deadLetters });
    deploySweeps(this, { sweep, machines, deadLetters });
    deployRunReports(this, { bus, commons, deadLetters });
    deployWebhook(this, { backup, settings, commons });
    const byName = Object.fromEntries(MACHINES.map((name, index) => [name, machines[index]]));
    deployMaintenance(this, { places, settings, commons, machines: byName, deadLetters });
    if (settings.plans.length > 0) {
      const report = functionWithNeeds(this, places, settings, commons, {
        name: 'ReportAges',
        description: 'Measures how old the newest checkpoints of each plan are',
        timeout: Duration.minutes(10),
      });
      const input = { plans: settings.plans.map(planOf), stack: settings.stack };
      hourly(this, 'ReportAges', report, input, deadLetters);
    }
    deployWatch(this, { machines, functions, start, deadLetters, settings, places });
    for (const machine of machines) {
      new CfnOutput(this, `${machine.node.id}Arn`, { value: machine.stateMachineArn });
    }
    for (const [name, { location }] of Object.entries(places)) {
      new CfnOutput(this, `${name}Location`, { value: location });
    }
    Tags.of(this).add('application', 'snapbank');
    for (const [name, value] of Object.entries(settings.tags)) Tags.of(this).add(name, value);
  }
}
