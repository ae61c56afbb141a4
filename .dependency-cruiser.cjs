/** @type {import('dependency-cruiser').IConfiguration} */
// The ring table of docs/architecture.md: rings lowest first, and within a ring the names in their order. A file may import what stands
// in its own entry and in every entry before it, nothing after it. Ring 4 (adapters) and testing see rings 0 and 1 only; the command line
// is an application like any other, and sees only what is exported: index and the policy entry.
const rings = [
  ['base', '^src/base/', 0],
  ['container-spec', '^src/plan/container-spec\\.ts$', 0],
  ['receipt-types', '^src/receipt-types\\.ts$', 0],
  ['result', '^src/result(-files)?\\.ts$', 0],
  ['run-plan', '^src/plan/run-plan\\.ts$', 0],
  ['errors', '^src/error(s|-codes)\\.ts$', 0],
  ['outcome', '^src/(outcome|recorded-error)\\.ts$', 0],
  ['events', '^src/events\\.ts$', 0],
  ['assert-succeeded', '^src/assert-succeeded\\.ts$', 0],
  ['host', '^src/host/', 1],
  [
    'ports',
    '^src/((engine|storage|secrets|run-store)/types|engine/(applied-spec|call-options|gaps|image-types|system-types))\\.ts$',
    1,
  ],
  ['policy', '^src/policy/(?!entry|evaluate-job|test-policy|diff-policies)', 2],
  ['config', '^src/config/', 2],
  ['job', '^src/job/', 2],
  ['plan', '^src/plan/(?!container-spec|run-plan)', 2],
  ['verdict', '^src/(workspace/layout|execute/(verdict|signals|sighting|stop|retry))\\.ts$', 2],
  [
    'hints',
    '^src/(hints|run-message|receipt|audit|log-lines|runtime-events|stats|metrics|recovery/report|images/gc-report)\\.ts$',
    2,
  ],
  [
    'doctor-judgement',
    '^src/doctor/(?!examine|run-probe|choose-image|marker-volume|prove-transport|ask-system|ask-volume|try-limits)',
    2,
  ],
  ['policy-entry', '^src/policy/(entry|evaluate-job|test-policy|diff-policies)\\.ts$', 2],
  ['event-log', '^src/event-log\\.ts$', 3],
  ['workspace', '^src/workspace/(?!layout)', 3],
  ['execute', '^src/execute/(?!verdict|signals|sighting|retry\\.|stop\\.)', 3],
  ['images', '^src/images/(?!gc-report)', 3],
  ['audit-trail', '^src/audit-trail\\.ts$', 3],
  ['recovery', '^src/recovery/(?!report)', 3],
  ['adapters', '^src/(engine/(docker/|entry)|(storage|secrets|run-store)/(?!types))', 4],
  ['telemetry', '^src/telemetry/', 4],
  ['run', '^src/(run|run-[a-z-]+|runtime-ports)\\.ts$', 5],
  [
    'doctor',
    '^src/doctor/(examine|run-probe|choose-image|marker-volume|prove-transport|ask-system|ask-volume|try-limits)',
    5,
  ],
  [
    'runtime',
    '^src/(runtime|runtime-(?!ports|events)[a-z-]+|engine-source|engine-info|engine-budget|readiness)\\.ts$',
    5,
  ],
  ['index', '^src/index\\.ts$', 5],
  ['testing', '^src/testing/', 6],
  ['cli', '^src/cli/', 7],
];

const upward = rings.flatMap(([name, path, ring], position) => {
  const isAdapterLike = ring === 4 || name === 'testing';
  const allowed = rings.filter(([otherName, , other], index) => {
    if (name === 'cli') return ['index', 'policy-entry'].includes(otherName) || index === position;
    return isAdapterLike ? other <= 1 || index === position : index <= position;
  });
  return [
    {
      name: `${name}-imports-upward`,
      comment: `${name} may import only: ${allowed.map(([other]) => other).join(', ')}`,
      severity: 'error',
      from: { path },
      to: { path: '^src/', pathNot: allowed.map(([, other]) => other) },
    },
  ];
});

const pure = rings.filter(([, , ring]) => ring === 0 || ring === 2).map(([, path]) => path);

module.exports = {
  forbidden: [
    ...upward,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'only-the-docker-adapter-imports-dockerode',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/engine/docker/' },
      to: { path: 'node_modules/(@types/)?(dockerode|docker-modem)/' },
    },
    {
      name: 'only-the-command-line-imports-commander',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: 'node_modules/commander/' },
    },
    {
      name: 'only-telemetry-imports-opentelemetry',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/telemetry/' },
      to: { path: 'node_modules/@opentelemetry/' },
    },
    {
      name: 'nothing-imports-telemetry',
      comment: 'whoever wants it asks for it by its own entry',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/telemetry/' },
      to: { path: '^src/telemetry/' },
    },
    {
      name: 'only-zod-at-import',
      comment: 'everything else is loaded by whoever needs it, when it is needed',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|telemetry)/' },
      to: { path: 'node_modules/(?!zod/)', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-io-in-pure-rings',
      severity: 'error',
      from: { path: pure },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(util|path|path/posix|crypto|buffer)$' },
    },
    {
      name: 'in-the-map',
      comment: 'every source file has its place in the ring table',
      severity: 'error',
      from: { path: '^src/', pathNot: rings.map(([, path]) => path) },
      to: {},
    },
    {
      name: 'no-dev-dependency-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/' }, to: {} },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
    },
  },
};
