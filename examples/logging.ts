/** Pino in ten lines: a pino logger is a logger of a runtime. */
import { createRuntime } from 'berthkit';
import { pino } from 'pino';

const logger = pino({ level: 'info' });
await using runtime = createRuntime(
  { policy: { images: { allow: ['busybox:*'] } } },
  { logger: logger.child({ component: 'jobs' }) },
);
const job = { slug: 'logged', docker: { image: 'busybox:1', command: ['true'] } };
const { status } = await runtime.runJob(job, { metadata: { user: 'u-17' } });
logger.info({ status }, 'the application logs on with the same logger');
