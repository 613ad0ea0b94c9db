import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { s3Client } from '../../lib/bank/store/s3-client.ts';

// Succeeds also when the bucket is there: creating one's own bucket again is no error in us-east-1.
await s3Client().send(new CreateBucketCommand({ Bucket: process.argv[2] }));
