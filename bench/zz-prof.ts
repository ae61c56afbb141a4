import { createRuntime } from 'berthkit';
import { jobSchema } from '/work/wt/lead/src/job/schema.js';
import { judgeJob, readJob } from '/work/wt/lead/src/job/validate.js';
import { planRun } from '/work/wt/lead/src/plan/plan-run.js';
import { DOCUMENT_JOB } from '/work/wt/lead/test/job/document-job.js';
const runtime = createRuntime();
const { config } = runtime;
const N = 20000;
const t = (name: string, f: () => void) => { for (let i=0;i<5000;i++) f(); const s=performance.now(); for (let i=0;i<N;i++) f(); console.log(name, ((performance.now()-s)*1000/N).toFixed(2)); };
const read0 = readJob(DOCUMENT_JOB, config, undefined) as any;
const judged = judgeJob(read0, {});
for (let k=0;k<3;k++){
t('parse', () => { jobSchema().parse(DOCUMENT_JOB); });
t('readJob', () => { readJob(DOCUMENT_JOB, config, undefined); });
t('judge', () => { judgeJob(read0, {}); });
t('plan', () => { planRun(judged, read0.config, { caller: null }); });
}
await runtime.close();
