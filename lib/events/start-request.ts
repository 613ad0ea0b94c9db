import * as z from 'zod';
import { InvalidInput } from '../errors.ts';
import type { BackupRequest } from '../protect/select-servers.ts';
import { BACKUP_REQUESTED, BackupRequested } from './event-types.ts';
import { isAboutSnapshots, readNotification } from './openstack-notification.ts';
import { type Plan, requestOf } from './plan.ts';

/** What a schedule sends. */
const Scheduled = z.strictObject({ plan: z.string().min(1), scheduledTime: z.iso.datetime() });

const Event = z.object({
  id: z.string().regex(/^[\w-]{1,64}$/),
  'detail-type': z.string(),
  detail: z.unknown(),
});

/** An execution to start. Its name is the same whenever the same event arrives, so that it is started once. */
export interface Start {
  name: string;
  input: BackupRequest;
}

export interface StartRules {
  readonly plans: readonly Plan[];
  /** Event types of Nova's notifications that start a backup of their server. */
  readonly notifications: readonly string[];
}

const EXAMPLE =
  '{"detail-type": "Backup Requested", "detail": {"servers": ["web-1"], "enable_server_snapshot": true}} or {"plan": "nightly", "scheduledTime": "2026-01-31T02:00:00Z"}';

/** What an event starts; undefined where it is none that starts something. Throws `InvalidInput` that shows a right one. */
export function startOf(event: unknown, rules: StartRules): Start | undefined {
  const scheduled = Scheduled.safeParse(event);
  if (scheduled.success) {
    const { plan, scheduledTime } = scheduled.data;
    return { name: scheduledName(plan, scheduledTime), input: requestOf(planNamed(plan, rules)) };
  }
  const result = Event.safeParse(event);
  if (!result.success) {
    throw new InvalidInput(`This starts no backup. Send for example ${EXAMPLE}.`);
  }
  const { id, 'detail-type': detailType, detail } = result.data;
  const name = `event-${id}`;
  if (detailType === BACKUP_REQUESTED) return { name, input: requestedBackup(detail, rules) };
  const notification = readNotification(detail);
  if (notification === undefined || isAboutSnapshots(notification)) return undefined;
  if (!rules.notifications.includes(notification.eventType)) return undefined;
  return { name, input: { servers: [notification.serverId] } };
}

/** The name of an execution that the clock starts: the same whenever the same moment is delivered. */
export function scheduledName(what: string, scheduledTime: string): string {
  const time = new Date(scheduledTime).toISOString().slice(0, 19).replaceAll(':', '-');
  return `${what}-${time}Z`;
}

/** What the detail of `Backup Requested`, or the body of a webhook, asks for. */
export function requestedBackup(detail: unknown, rules: Pick<StartRules, 'plans'>): BackupRequest {
  const result = BackupRequested.safeParse(detail);
  if (!result.success) {
    throw new InvalidInput(
      `The detail of ${BACKUP_REQUESTED} is wrong: ${z.prettifyError(result.error)}. Send for example ${EXAMPLE}.`,
    );
  }
  const { data } = result;
  if (!('plan' in data)) return data;
  const { enable_server_snapshot: enableServerSnapshot } = data;
  return {
    ...requestOf(planNamed(data.plan, rules)),
    ...(enableServerSnapshot === undefined ? {} : { enable_server_snapshot: enableServerSnapshot }),
  };
}

function planNamed(name: string, { plans }: Pick<StartRules, 'plans'>): Plan {
  const plan = plans.find((candidate) => candidate.name === name);
  if (plan !== undefined) return plan;
  const known = plans.map((candidate) => candidate.name).join(', ');
  throw new InvalidInput(`There is no plan "${name}"; there is ${known === '' ? 'none' : known}.`);
}
