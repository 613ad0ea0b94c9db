import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { InvalidInput } from '../lib/errors.ts';
import { Plan } from '../lib/events/plan.ts';
import { KeepRules } from '../lib/prune/keep-rules.ts';
import { periodNames } from '../lib/prune/periods.ts';
import { VerifyLevel, VerifyRequest } from '../lib/verify/request.ts';

const Count = z.number().int().min(1).max(1000);
const Bucket = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is no name of a bucket')
  .nullable();
const Prefix = z.string().regex(/^([\w-][\w.-]*(\/[\w-][\w.-]*)*)?$/, 'is no prefix such as a/b');
const Place = z.strictObject({ bucket: Bucket, prefix: Prefix });

const Schedule = z
  .string()
  .regex(/^(cron|rate|at)\(.+\)$/, 'must be cron(...), rate(...) or at(...)');

function knownTimeZone(name: string, context: z.RefinementCtx): void {
  try {
    periodNames(name);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : 'is no time zone');
  }
}

const DeployedPlan = Plan.extend({
  schedule: Schedule,
  timeZone: z.string().superRefine(knownTimeZone),
  /** 0: on the minute. */
  windowMinutes: z.number().int().min(0).max(1440),
  maxAgeHours: z.number().positive(),
  /** Proofs of its checkpoints: several levels, each when it is due. */
  verify: z
    .array(
      z.strictObject({
        schedule: Schedule,
        level: VerifyLevel.optional(),
        samplePercent: VerifyRequest.shape.sample_percent,
      }),
    )
    .max(9)
    .optional(),
  prune: z.strictObject({ schedule: Schedule, keep: KeepRules }).optional(),
  collect: Schedule.optional(),
});

/** A Lambda environment holds 4 KB, and the plans are not alone in it. */
const MAX_PLANS_BYTES = 3000;

export const Settings = z
  .strictObject({
    stack: z.string().regex(/^[a-z][a-z0-9-]{0,29}$/, 'needs a-z, 0-9, -, at most 30 of them'),
    secrets: z.strictObject({ cloud: z.string().min(1), key: z.string().min(1).nullable() }),
    bank: Place.extend({
      keepDeletedDays: z.number().int().min(0),
      lockDays: z.number().int().min(0),
      encryption: z.enum(['s3', 'kms']),
    }),
    register: Place,
    work: Place,
    // An account may have 1,000 Maps open at once: one for each server, and the one around them.
    serversAtOnce: Count.max(900),
    snapshotsPerHost: Count,
    rangesAtOnce: Count,
    partsAtOnce: Count,
    lambdaConcurrency: z.number().int().min(1),
    enableServerSnapshot: z.boolean(),
    imageImport: z.enum(['web-download', 'stream']),
    containers: z
      .strictObject({
        subnetIds: z.array(z.string()).min(1),
        securityGroupIds: z.array(z.string()).min(1),
        publicIp: z.boolean(),
        image: z.string().min(1).nullable(),
        fromGiB: z.number().int().min(1).optional(),
      })
      .nullable(),
    plans: z.array(DeployedPlan),
    network: z
      .strictObject({
        vpcId: z.string(),
        subnetIds: z.array(z.string()).min(1),
        securityGroupIds: z.array(z.string()).min(1),
        routeTableIds: z.array(z.string()).optional(),
      })
      .nullable(),
    events: z.strictObject({
      busName: z.string().nullable(),
      notifications: z.array(z.string()),
    }),
    webhook: z.strictObject({ secret: z.string().min(1) }).nullable(),
    alarms: z.strictObject({ email: z.email().nullable() }),
    logDays: z.number().int(),
    tags: z.record(z.string(), z.string()),
  })
  .superRefine((settings, context) => {
    const { serversAtOnce, rangesAtOnce, partsAtOnce, lambdaConcurrency } = settings;
    const reserved = webhooksReserved(settings) ? WEBHOOKS_AT_ONCE : 0;
    const atOnce = serversAtOnce * rangesAtOnce + partsAtOnce + reserved;
    const issue = (message: string) => context.addIssue({ code: 'custom', message });
    if (atOnce > lambdaConcurrency) {
      issue(
        `serversAtOnce x rangesAtOnce + partsAtOnce${reserved > 0 ? ` + ${reserved} for the webhook` : ''} is ${atOnce}: more functions at once than lambdaConcurrency (${lambdaConcurrency}) allows`,
      );
    }
    const names = settings.plans.map(({ name }) => name);
    if (new Set(names).size < names.length) issue('two plans have the same name');
    if (Buffer.byteLength(JSON.stringify(settings.plans.map(planOf))) > MAX_PLANS_BYTES) {
      issue(`the plans take more than ${MAX_PLANS_BYTES} bytes; choose servers by tags`);
    }
    const places = [settings.bank, settings.register, settings.work]
      .filter(({ bucket }) => bucket !== null)
      .map(({ bucket, prefix }) => `s3://${bucket}/${prefix}`);
    if (new Set(places).size < places.length) issue('two of bank, register and work are one place');
    const { bucket, keepDeletedDays, lockDays, encryption } = settings.bank;
    if (bucket !== null && (keepDeletedDays > 0 || encryption !== 's3')) {
      issue('keepDeletedDays and encryption are settings of a bucket that is made');
    }
    const { register, work } = settings;
    if (lockDays > 0 && bucket !== null && [register.bucket, work.bucket].includes(bucket)) {
      issue('a locked bank needs register and work in other buckets');
    }
  });
export type Settings = z.infer<typeof Settings>;
export type DeployedPlan = z.infer<typeof DeployedPlan>;

const PLAN_MEMBERS = new Set(Object.keys(Plan.shape));

/** The part of a plan that the functions know. */
export function planOf(plan: DeployedPlan): Plan {
  const members = Object.entries(plan).filter(([name]) => PLAN_MEMBERS.has(name));
  return Object.fromEntries(members) as Plan;
}

/** Functions that the webhook may take at once. */
export const WEBHOOKS_AT_ONCE = 5;
/** An account keeps 100 of its functions at once for all that reserve none. */
const UNRESERVED = 100;

/** Whether the account is large enough for the webhook to have functions of its own. */
export function webhooksReserved({
  webhook,
  lambdaConcurrency,
}: {
  webhook: unknown;
  lambdaConcurrency: number;
}): boolean {
  return webhook !== null && lambdaConcurrency >= UNRESERVED + WEBHOOKS_AT_ONCE;
}

/** Reads the settings of a deployment; throws `InvalidInput` that says what is wrong where. */
export function readSettings(file = join(import.meta.dirname, 'settings.yaml')): Settings {
  const result = Settings.safeParse(parse(readFileSync(file, 'utf8')));
  if (result.success) return result.data;
  throw new InvalidInput(`${file}: ${z.prettifyError(result.error)}`);
}
