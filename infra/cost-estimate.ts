/**
 * What a backup costs about, in US dollars at list prices of us-east-1: the formula of docs/aws.md, fitted to the simulation
 * (`npm run simulate`), which a test compares it with. Storage comes by the month.
 */
export const BACKUP_COSTS = {
  perServer: 0.0018,
  /** Of the disk, holes left out. */
  perGibRead: 0.00057,
  perGibStored: 0.00008,
  perGibMonth: 0.023,
} as const;
