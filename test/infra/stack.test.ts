import { readFileSync } from 'node:fs';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { startMaintenance } from '../../functions/start-maintenance.ts';
import { fileNameOf, MACHINES, PROJECT_ROOT, readDefinition } from '../../infra/definitions.ts';
import { settingsWith, synthesise } from './synthesised.ts';

interface Statement {
  Action: string | string[];
  Resource: unknown;
}

const definitions = MACHINES.map(readDefinition);
const functionNames = [...new Set(definitions.flatMap(({ functions }) => functions))].sort();

function flat(value: unknown): string {
  return JSON.stringify(value);
}

describe('the stack of the settings that come with the project', () => {
  let template: Template;

  beforeAll(() => {
    // cdk-nag runs with it: what AwsSolutions finds and nobody answered with a reason stops the synthesis.
    template = synthesise(settingsWith());
  }, 120_000);

  const resources = (type: string) =>
    Object.values(template.findResources(type)).map(({ Properties }) => Properties);
  const roleOf = (name: string): Statement[] => {
    const [role] = Object.entries(template.findResources('AWS::IAM::Role')).filter(([id]) =>
      id.startsWith(`${name}Role`),
    );
    return role?.[1]['Properties'].Policies[0].PolicyDocument.Statement;
  };

  it('has one function for each Task state, and those that events and the clock start', () => {
    const names = resources('AWS::Lambda::Function').map(
      ({ FunctionName }): string => FunctionName,
    );

    expect(names.sort()).toEqual(
      [...functionNames, 'ReportAges', 'ReportRun', 'StartBackup']
        .map((name) => `snapbank-${name}`)
        .sort(),
    );
    for (const name of names) {
      const file = `functions/${fileNameOf(name.replace('snapbank-', ''))}.ts`;
      expect(() => readFileSync(`${PROJECT_ROOT}/${file}`)).not.toThrow();
    }
  });

  it('runs functions on Node 24 and arm64, each with a log group and a role of its own', () => {
    for (const properties of resources('AWS::Lambda::Function')) {
      expect(properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
      });
      expect(properties.LoggingConfig.LogGroup.Ref).toMatch(/Log/);
      expect(properties.Timeout).toBeLessThanOrEqual(900);
      expect(properties.VpcConfig).toBeUndefined();
    }
    const roles = resources('AWS::Lambda::Function').map(({ Role }) => flat(Role));
    expect(new Set(roles).size).toBe(roles.length);
  });

  it('ends a function before its state stops waiting for it', () => {
    for (const { stateSeconds } of definitions) {
      for (const [name, seconds] of Object.entries(stateSeconds)) {
        const [own] = resources('AWS::Lambda::Function').filter(
          ({ FunctionName }) => FunctionName === `snapbank-${name}`,
        );
        expect(own.Timeout).toBeLessThan(seconds);
      }
    }
  });

  it.each(MACHINES)('substitutes every placeholder of %s, and nothing else', (machine) => {
    const { placeholders, functions } = readDefinition(machine);

    const [deployed] = resources('AWS::StepFunctions::StateMachine').filter(
      ({ StateMachineName }) => StateMachineName === `snapbank-${machine}`,
    );

    expect(Object.keys(deployed.DefinitionSubstitutions).sort()).toEqual(placeholders);
    for (const name of functions) {
      const arn = flat(deployed.DefinitionSubstitutions[`${name}FunctionArn`]);
      expect(arn).toMatch(new RegExp(`"${name}[0-9A-F]{8}","Arn"`));
    }
    expect(deployed).toMatchObject({
      StateMachineType: 'STANDARD',
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
    });
    expect(deployed.DefinitionS3Location).toBeDefined();
  });

  it('lets a machine with a distributed Map start its children, and call its own functions only', () => {
    const statements = roleOf('BackupMachine');

    const invoke = statements.find(({ Action }) => Action === 'lambda:InvokeFunction');
    expect(invoke?.Resource).toHaveLength(readDefinition('backup').functions.length);
    expect(
      flat(statements.find(({ Action }) => Action === 'states:StartExecution')?.Resource),
    ).toMatch(/:stateMachine:snapbank-backup"/);
    expect(flat(roleOf('PruneMachine'))).not.toContain('states:StartExecution');
    // No container, and still what Step Functions asks of a machine that could run one.
    expect(flat(statements)).toContain('StepFunctionsGetEventsForECSTaskRule');
    expect(flat(statements)).not.toContain('ecs:');
    template.resourceCountIs('AWS::ECS::Cluster', 0);
  });

  it('gives no function a whole bucket, a whole service or another secret than its own', () => {
    for (const name of [...functionNames, 'ReportAges', 'ReportRun', 'StartBackup']) {
      for (const { Action, Resource } of roleOf(name)) {
        for (const action of [Action].flat()) expect(action).not.toContain('*');
        for (const resource of [Resource].flat()) {
          expect(flat(resource)).not.toMatch(/"\*"|Arn"\]},"\/\*"/);
        }
      }
    }
    expect(flat(roleOf('AbandonCheckpoint'))).not.toContain('snapbank/cloud');
    expect(flat(roleOf('PollServer'))).not.toContain('snapbank/key');
  });

  it('keeps the buckets closed, encrypted, and the bank and its register when the stack goes', () => {
    const buckets = Object.entries(template.findResources('AWS::S3::Bucket'));

    expect(buckets).toHaveLength(3);
    for (const [id, { Properties, DeletionPolicy }] of buckets) {
      expect(DeletionPolicy).toBe(id.startsWith('Work') ? 'Delete' : 'Retain');
      expect(Properties.PublicAccessBlockConfiguration).toMatchObject({ BlockPublicPolicy: true });
      expect(Properties.BucketEncryption).toBeDefined();
      expect(flat(Properties.LifecycleConfiguration)).toContain('AbortIncompleteMultipartUpload');
      expect(Properties.VersioningConfiguration).toBeUndefined();
    }
    template.allResourcesProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ]),
      }),
    });
  });

  it('starts a plan in its time zone and window, with few retries and a dead-letter queue', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      Name: 'snapbank-nightly',
      ScheduleExpression: 'cron(0 2 * * ? *)',
      ScheduleExpressionTimezone: 'Etc/UTC',
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 30 },
      Target: Match.objectLike({
        Input: '{"plan":"nightly","scheduledTime":"<aws.scheduler.scheduled-time>"}',
        RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 3600 },
        DeadLetterConfig: Match.anyValue(),
      }),
    });
  });

  it('starts a backup by the event that asks for it, and a sweep where an execution could not clean up', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { 'detail-type': ['Backup Requested'] },
    });
    const [sweep] = resources('AWS::Events::Rule').filter(
      ({ EventPattern }) => EventPattern.source?.[0] === 'aws.states',
    );
    expect(sweep.EventPattern.detail.status).toEqual(['FAILED', 'TIMED_OUT', 'ABORTED']);
    expect(sweep.EventPattern.detail.stateMachineArn).toHaveLength(MACHINES.length);
    expect(sweep.Targets[0].InputTransformer.InputTemplate).toMatch(/^\{"execution":<.+>\}$/);
    for (const { Targets } of resources('AWS::Events::Rule')) {
      expect(Targets[0].DeadLetterConfig).toBeDefined();
    }
  });

  it('watches failures, dead letters, and the age of the checkpoints of each plan', () => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'OldestCheckpointHours',
      Threshold: 30,
      TreatMissingData: 'breaching',
    });
    const metrics = resources('AWS::CloudWatch::Alarm').map(({ MetricName }) => MetricName);
    for (const metric of ['ExecutionsFailed', 'ExecutionsTimedOut', 'ExecutionsAborted']) {
      expect(metrics.filter((name) => name === metric)).toHaveLength(MACHINES.length);
    }
    expect(metrics).toContain('ApproximateNumberOfMessagesVisible');
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  });

  it('makes metrics of what the machines publish, and shows them with an estimate of the cost', () => {
    const [rule] = resources('AWS::Events::Rule').filter(
      ({ EventPattern }) => EventPattern.source?.[0] === 'snapbank',
    );
    expect(rule.EventPattern.detail.metadata.execution).toHaveLength(MACHINES.length);
    expect(flat(rule.EventPattern)).toMatch(/:execution:snapbank-backup:"/);
    expect(rule.Targets[0].DeadLetterConfig).toBeDefined();
    const [dashboard] = resources('AWS::CloudWatch::Dashboard');
    const body = flat(dashboard.DashboardBody);
    for (const text of ['BytesRead', 'BytesStored', 'ServersFailed', 'Duration', '0.00057']) {
      expect(body).toContain(text);
    }
  });

  it('has no URL and no maintenance that nobody asked for', () => {
    template.resourceCountIs('AWS::Lambda::Url', 0);
    expect(resources('AWS::Scheduler::Schedule').map(({ Name }) => Name)).toEqual([
      'snapbank-nightly',
      'snapbank-sweep',
      'snapbank-reportages',
    ]);
  });
});

describe('the stack of other settings', () => {
  it('is made in a VPC with a versioned, locked and KMS-encrypted bank, for notifications', () => {
    const settings = settingsWith();
    const template = synthesise(
      settingsWith({
        bank: { ...settings.bank, keepDeletedDays: 30, lockDays: 14, encryption: 'kms' },
        network: {
          vpcId: 'vpc-1',
          subnetIds: ['subnet-1', 'subnet-2'],
          securityGroupIds: ['sg-1'],
          routeTableIds: ['rtb-1'],
        },
        events: { busName: 'operations', notifications: ['instance.create.end'] },
        alarms: { email: 'ops@example.org' },
      }),
    );

    template.hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      ObjectLockEnabled: true,
    });
    template.hasResourceProperties('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' });
    template.allResourcesProperties('AWS::Lambda::Function', {
      VpcConfig: { SubnetIds: ['subnet-1', 'subnet-2'], SecurityGroupIds: ['sg-1'] },
    });
    template.hasResourceProperties('AWS::Events::Rule', {
      EventBusName: 'operations',
      EventPattern: { detail: { event_type: ['instance.create.end'] } },
    });
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email' });
    const [upload] = Object.entries(template.findResources('AWS::IAM::Role')).filter(([id]) =>
      id.startsWith('UploadRangeRole'),
    );
    expect(flat(upload)).toContain('kms:GenerateDataKey');
  }, 120_000);

  it('uses buckets that exist, without touching them', () => {
    const settings = settingsWith();
    const template = synthesise(
      settingsWith({
        secrets: { ...settings.secrets, key: null },
        bank: { ...settings.bank, bucket: 'my-backups', prefix: 'cloud/one' },
        register: { bucket: 'my-backups', prefix: 'cloud/register' },
        work: { bucket: 'my-work', prefix: 'w' },
        plans: [],
      }),
    );

    template.resourceCountIs('AWS::S3::Bucket', 0);
    template.resourceCountIs('AWS::S3::BucketPolicy', 0);
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'snapbank-UploadRange',
      Environment: {
        Variables: Match.objectLike({
          SNAPBANK_BANK: 's3://my-backups/cloud/one',
          SNAPBANK_WORK: 's3://my-work/w',
          SNAPBANK_WORK_PREFIX: 'w/',
        }),
      },
    });
    expect(flat(template.toJSON())).toContain(':s3:::my-backups/cloud/one/packs/*');
    expect(flat(template.toJSON())).not.toContain('snapbank/key');
  }, 120_000);

  it('has Fargate tasks for long passes, each with a role of its own and secrets that ECS fetches', () => {
    const template = synthesise(
      settingsWith({
        containers: {
          subnetIds: ['subnet-1', 'subnet-2'],
          securityGroupIds: ['sg-1'],
          publicIp: true,
          image: null,
          fromGiB: 20,
        },
      }),
    );

    template.resourceCountIs('AWS::ECS::TaskDefinition', 2);
    template.allResourcesProperties('AWS::ECS::TaskDefinition', {
      RequiresCompatibilities: ['FARGATE'],
      RuntimePlatform: Match.objectLike({ CpuArchitecture: 'ARM64' }),
      ContainerDefinitions: [
        Match.objectLike({
          Name: 'snapbank',
          ReadonlyRootFilesystem: true,
          Secrets: [
            Match.objectLike({ Name: 'SNAPBANK_CLOUD' }),
            Match.objectLike({ Name: 'SNAPBANK_KEY' }),
          ],
        }),
      ],
    });
    const machines = Object.values(template.findResources('AWS::StepFunctions::StateMachine'));
    const [backup] = machines.filter(
      ({ Properties }) => Properties.StateMachineName === 'snapbank-backup',
    );
    expect(backup?.['Properties'].DefinitionSubstitutions).toMatchObject({
      LongPasses: 'container',
      ContainerSubnets: 'subnet-1,subnet-2',
      ContainerSecurityGroups: 'sg-1',
      ContainerPublicIp: 'ENABLED',
    });
    const roles = Object.entries(template.findResources('AWS::IAM::Role'));
    const roleOf = (name: string) => flat(roles.find(([id]) => id.startsWith(name))?.[1]);
    expect(roleOf('UploadStreamInContainerRole')).toContain('packs/*');
    expect(roleOf('UploadStreamInContainerRole')).not.toContain('secretsmanager');
    expect(roleOf('UploadStreamInContainerExecutionRole')).toContain('snapbank/cloud-??????');
    expect(roleOf('UploadStreamInContainerExecutionRole')).not.toContain('packs/*');
    expect(roleOf('BackupMachineRole')).toContain('iam:PassRole');
    expect(roleOf('CollectGarbageMachineRole')).not.toContain('ecs:');
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'snapbank-PlanUpload',
      Environment: {
        Variables: Match.objectLike({ SNAPBANK_FUNCTION_PASS_BYTES: String(20 * 1024 ** 3) }),
      },
    });
  }, 120_000);

  it('takes the image of the containers from where it was pushed', () => {
    const image = '123456789012.dkr.ecr.eu-central-1.amazonaws.com/snapbank:0.1.0';
    const template = synthesise(
      settingsWith({
        containers: {
          subnetIds: ['subnet-1'],
          securityGroupIds: ['sg-1'],
          publicIp: false,
          image,
        },
      }),
    );

    template.allResourcesProperties('AWS::ECS::TaskDefinition', {
      ContainerDefinitions: [Match.objectLike({ Image: image })],
    });
    expect(flat(template.toJSON())).toContain(
      ':ecr:eu-central-1:123456789012:repository/snapbank"',
    );
  }, 120_000);

  it('proves, thins out and collects the checkpoints of a plan by the clock', () => {
    const [plan] = settingsWith().plans;
    if (plan === undefined) throw new Error('There is no plan.');
    const template = synthesise(
      settingsWith({
        plans: [
          {
            ...plan,
            verify: [
              { schedule: 'cron(0 6 * * ? *)', level: 'packs' },
              { schedule: 'cron(0 8 * * ? *)', samplePercent: 10 },
            ],
            prune: { schedule: 'cron(0 12 ? * SUN *)', keep: { daily: 7, weekly: 5 } },
            collect: 'cron(0 14 ? * SUN *)',
          },
        ],
      }),
    );

    const schedules = Object.values(template.findResources('AWS::Scheduler::Schedule'))
      .map(({ Properties }) => Properties)
      .filter(({ Name }) => /-(verify|verify-2|prune|collect)$/.test(Name));
    const scheduledTime = '<aws.scheduler.scheduled-time>';
    const own = { plan: { name: 'nightly', all: true }, scheduledTime };
    expect(
      schedules.map(({ Name, ScheduleExpression, Target }) => [
        Name,
        ScheduleExpression,
        JSON.parse(Target.Input),
      ]),
    ).toEqual([
      [
        'snapbank-nightly-verify',
        'cron(0 6 * * ? *)',
        { ...own, label: 'verify', task: { machine: 'verify', level: 'packs' } },
      ],
      [
        'snapbank-nightly-verify-2',
        'cron(0 8 * * ? *)',
        { ...own, label: 'verify-2', task: { machine: 'verify', samplePercent: 10 } },
      ],
      [
        'snapbank-nightly-prune',
        'cron(0 12 ? * SUN *)',
        {
          ...own,
          label: 'prune',
          task: { machine: 'prune', keep: { daily: 7, weekly: 5 }, timeZone: 'Etc/UTC' },
        },
      ],
      [
        'snapbank-nightly-collect',
        'cron(0 14 ? * SUN *)',
        { ...own, label: 'collect', task: { machine: 'collect-garbage' } },
      ],
    ]);
    for (const { Target } of schedules) {
      expect(Target.DeadLetterConfig).toBeDefined();
      // What the schedule sends is what the function takes.
      const input = { ...JSON.parse(Target.Input), scheduledTime: '2026-01-31T02:00:00Z' };
      expect(startMaintenance.input.safeParse(input).error).toBeUndefined();
    }
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'snapbank-StartMaintenance',
      DeadLetterConfig: Match.anyValue(),
    });
    const [role] = Object.entries(template.findResources('AWS::IAM::Role')).filter(([id]) =>
      id.startsWith('StartMaintenanceRole'),
    );
    expect(flat(role)).toContain('states:StartExecution');
    expect(flat(role)).not.toMatch(/BackupMachine|RestoreMachine/);
  }, 120_000);

  it('has a URL for signed requests, which takes few functions of the account', () => {
    const template = synthesise(settingsWith({ webhook: { secret: 'snapbank/webhook' } }));

    template.resourceCountIs('AWS::Lambda::Url', 1);
    template.hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE' });
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'snapbank-ReceiveWebhook',
      ReservedConcurrentExecutions: 5,
    });
    const [role] = Object.entries(template.findResources('AWS::IAM::Role')).filter(([id]) =>
      id.startsWith('ReceiveWebhookRole'),
    );
    expect(flat(role)).toContain('snapbank/webhook-??????');
    expect(flat(role)).not.toContain('s3:');
  }, 120_000);
});
