import * as z from 'zod';
import { BackupRequest } from '../protect/select-servers.ts';

/** A named choice of servers that is backed up by the clock. */
export const Plan = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,29}$/, 'needs a-z, 0-9, -, at most 30 of them'),
  servers: BackupRequest.shape.servers,
  tags: BackupRequest.shape.tags,
  all: z.boolean().optional(),
  allProjects: z.boolean().optional(),
  enableServerSnapshot: z.boolean().optional(),
  includeVolumes: z.boolean().optional(),
  stop: z.boolean().optional(),
});
export type Plan = z.infer<typeof Plan>;

/** What the backup machine is given for a plan. */
export function requestOf({
  servers,
  tags,
  all,
  allProjects,
  enableServerSnapshot,
  includeVolumes,
  stop,
}: Plan): BackupRequest {
  return {
    ...(servers === undefined ? {} : { servers }),
    ...(tags === undefined ? {} : { tags }),
    ...(all === undefined ? {} : { all }),
    ...(allProjects === undefined ? {} : { all_projects: allProjects }),
    ...(enableServerSnapshot === undefined ? {} : { enable_server_snapshot: enableServerSnapshot }),
    ...(includeVolumes === undefined ? {} : { include_volumes: includeVolumes }),
    ...(stop === undefined ? {} : { stop }),
  };
}
