import * as z from 'zod';
import { agesOfPlans, type PlanAges } from '../lib/events/checkpoint-ages.ts';
import { Plan } from '../lib/events/plan.ts';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Measures by the clock how old the newest good checkpoints of each plan are; alarms watch the metrics. */
export const reportAges = stateFunction({
  name: 'ReportAges',
  input: z.strictObject({ plans: z.array(Plan), stack: z.string() }),
  async run(services, { plans, stack }, { signal }) {
    const ages = await agesOfPlans(services, plans, signal);
    for (const age of ages)
      process.stdout.write(`${metricsOf(age, stack, services.clock.now())}\n`);
    return { ages };
  },
});

/** A line in CloudWatch's embedded metric format: Lambda's log becomes metrics without a call. */
function metricsOf(
  { plan, servers, unprotected, oldestHours }: PlanAges,
  stack: string,
  now: number,
): string {
  const age = oldestHours === null ? [] : [{ Name: 'OldestCheckpointHours', Unit: 'None' }];
  return JSON.stringify({
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [
        {
          Namespace: 'snapbank',
          Dimensions: [['Stack', 'Plan']],
          Metrics: [
            { Name: 'Servers', Unit: 'Count' },
            { Name: 'UnprotectedServers', Unit: 'Count' },
            ...age,
          ],
        },
      ],
    },
    Stack: stack,
    Plan: plan,
    Servers: servers,
    UnprotectedServers: unprotected,
    ...(oldestHours === null ? {} : { OldestCheckpointHours: oldestHours }),
  });
}

export const handler = handlerOf(reportAges);
