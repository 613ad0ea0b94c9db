import * as z from 'zod';

const Legacy = z.object({ instance_id: z.string().min(1) });
const Versioned = z.object({ 'nova_object.data': z.object({ uuid: z.string().min(1) }) });

/**
 * A notification of Nova that an operator forwards: in its old form (`compute.instance.create.end`) or its versioned one
 * (`instance.create.end`), see "Notifications in Nova" of its contributor guide.
 */
const Notification = z.object({
  event_type: z.string().min(1),
  payload: z.union([Legacy, Versioned]),
});

export interface OpenStackNotification {
  eventType: string;
  serverId: string;
}

/** Undefined for a detail that is no notification about a server. */
export function readNotification(detail: unknown): OpenStackNotification | undefined {
  const result = Notification.safeParse(detail);
  if (!result.success) return undefined;
  const { event_type: eventType, payload } = result.data;
  const serverId =
    'instance_id' in payload ? payload.instance_id : payload['nova_object.data'].uuid;
  return { eventType, serverId };
}

/** Our own snapshots make Nova send these; a backup that they started would make the next ones. */
export function isAboutSnapshots({ eventType }: OpenStackNotification): boolean {
  return /snapshot|image/i.test(eventType);
}
