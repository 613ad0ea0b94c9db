import * as z from 'zod';
import { PlanName } from '../protect/plan-name.ts';
import { BackupRequest } from '../protect/select-servers.ts';

/** A named choice of servers that is backed up by the clock. */
export const Plan = z.strictObject({
  name: PlanName,
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
  name,
  servers,
  tags,
  all,
  allProjects,
  enableServerSnapshot,
  includeVolumes,
  stop,
}: Plan): BackupRequest {
  return {
    plan: name,
    ...(servers === undefined ? {} : { servers }),
    ...(tags === undefined ? {} : { tags }),
    ...(all === undefined ? {} : { all }),
    ...(allProjects === undefined ? {} : { all_projects: allProjects }),
    ...(enableServerSnapshot === undefined ? {} : { enable_server_snapshot: enableServerSnapshot }),
    ...(includeVolumes === undefined ? {} : { include_volumes: includeVolumes }),
    ...(stop === undefined ? {} : { stop }),
  };
}
