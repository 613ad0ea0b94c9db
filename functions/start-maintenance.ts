import { SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { maintenanceRequest, MaintenanceTask } from '../lib/events/maintenance.ts';
import { Plan } from '../lib/events/plan.ts';
import { startOnce } from '../lib/events/start-once.ts';
import { scheduledName } from '../lib/events/start-request.ts';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';

/** By machine; from the environment of the function. */
const MachineArns = z.record(z.string(), z.string());

/** Starts by the clock what proves, thins out or collects the checkpoints of a plan; a second delivery starts nothing. */
export const startMaintenance = stateFunction({
  name: 'StartMaintenance',
  input: z.strictObject({
    plan: Plan,
    task: MaintenanceTask,
    /** Distinguishes the tasks of a plan. */
    label: z.string().regex(/^[a-z0-9-]{1,20}$/),
    scheduledTime: z.iso.datetime(),
  }),
  async run(_services, { plan, task, label, scheduledTime }) {
    const input = maintenanceRequest(plan, task);
    const machines = MachineArns.parse(JSON.parse(process.env['SNAPBANK_MACHINES'] ?? '{}'));
    const stateMachineArn = machines[task.machine] ?? '';
    const name = scheduledName(`${plan.name}-${label}`, scheduledTime);
    return await startOnce(new SFNClient({}), { stateMachineArn, name, input });
  },
});

export const handler = handlerOf(startMaintenance);
