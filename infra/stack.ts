import { CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import type { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { MACHINES, readDefinition } from './definitions.ts';
import { networkOf } from './network.ts';
import { deployPlaces } from './places.ts';
import type { Settings } from './settings.ts';
import { deployStateFunctions } from './state-functions.ts';
import { deployMachine } from './state-machine.ts';

export interface SnapbankStackProps extends StackProps {
  readonly settings: Settings;
  /** Where the bundle of a file of functions/ is. */
  readonly codeOf: (fileName: string) => Code;
}

/** Everything that snapbank is on AWS. */
export class SnapbankStack extends Stack {
  constructor(scope: Construct, { settings, codeOf, ...props }: SnapbankStackProps) {
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
    for (const definition of definitions) {
      const machine = deployMachine(this, definition, {
        functions,
        work: places.work,
        bus,
        logDays,
      });
      new CfnOutput(this, `${machine.node.id}Arn`, { value: machine.stateMachineArn });
    }
    for (const [name, { location }] of Object.entries(places)) {
      new CfnOutput(this, `${name}Location`, { value: location });
    }
    Tags.of(this).add('application', 'snapbank');
    for (const [name, value] of Object.entries(settings.tags)) Tags.of(this).add(name, value);
  }
}
