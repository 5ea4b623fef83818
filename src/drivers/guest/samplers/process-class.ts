/** What kind of program a process is, by the short name that the kernel keeps. The name itself goes no further: it may say whose it is. */
export const PROCESS_CLASSES = [
  'database',
  'cache',
  'web server',
  'queue',
  'runtime',
  'batch',
  'shell',
  'mail',
  'container',
  'remote access',
  'monitoring',
  'system',
  'kernel',
  'agent itself',
  'other',
] as const
/** One of `PROCESS_CLASSES`. */
export type ProcessClass = (typeof PROCESS_CLASSES)[number]

/** Beginnings of names, the first that fits counts. The kernel cuts names at 15 characters. */
const BEGINNINGS: readonly (readonly [ProcessClass, readonly string[]])[] = [
  [
    'database',
    [
      'postgres',
      'mysqld',
      'mariadb',
      'mongod',
      'oracle',
      'sqlservr',
      'clickhouse',
      'cockroach',
      'influxd',
      'cassandra',
      'etcd',
      'slapd',
    ],
  ],
  ['cache', ['redis', 'valkey', 'memcached', 'varnish', 'keydb', 'dragonfly']],
  ['web server', ['nginx', 'apache2', 'httpd', 'lighttpd', 'caddy', 'haproxy', 'traefik', 'envoy', 'squid', 'php-fpm']],
  ['queue', ['rabbitmq', 'beam.smp', 'kafka', 'nats-server', 'mosquitto', 'activemq', 'pulsar']],
  ['container', ['dockerd', 'containerd', 'runc', 'crio', 'podman', 'kubelet', 'kube-', 'conmon']],
  ['remote access', ['sshd', 'dropbear', 'xrdp', 'openvpn', 'wireguard']],
  [
    'monitoring',
    [
      'ethos',
      'node_exporter',
      'prometheus',
      'collectd',
      'telegraf',
      'zabbix',
      'netdata',
      'datadog',
      'snmpd',
      'auditd',
      'rsyslogd',
      'filebeat',
      'vector',
      'qemu-ga',
    ],
  ],
  ['mail', ['postfix', 'master', 'dovecot', 'exim', 'sendmail', 'opendkim', 'rspamd', 'amavis']],
  [
    'batch',
    [
      'cron',
      'anacron',
      'atd',
      'make',
      'cc1',
      'gcc',
      'g++',
      'clang',
      'ld',
      'rustc',
      'cargo',
      'ffmpeg',
      'tar',
      'gzip',
      'xz',
      'zstd',
      'rsync',
      'borg',
      'restic',
      'slurm',
      'dpkg',
      'apt',
      'dd',
      'stress',
      'pgbench',
      'sysbench',
    ],
  ],
  [
    'runtime',
    [
      'java',
      'node',
      // What Node 24 calls its first thread, which is the process's name.
      'MainThread',
      'bun',
      'deno',
      'python',
      'ruby',
      'perl',
      'php',
      'dotnet',
      'mono',
      'uwsgi',
      'gunicorn',
      'puma',
      'unicorn',
      'R',
      'julia',
    ],
  ],
  ['shell', ['bash', 'sh', 'zsh', 'fish', 'dash', 'tmux', 'screen', 'login', 'su', 'sudo']],
  [
    'system',
    [
      'systemd',
      'init',
      'dbus',
      'udevd',
      'kthreadd',
      'kworker',
      'ksoftirqd',
      'rcu_',
      'migration',
      'kswapd',
      'jbd2',
      'chronyd',
      'ntpd',
      'agetty',
      'polkitd',
      'irqbalance',
      'NetworkManager',
      'dhclient',
      'multipathd',
    ],
  ],
]

/** Short words that are whole names, not beginnings: `R`, `ld`, `sh` and the like begin too much else. */
const WHOLE_LENGTH_MAX = 3

/** The class of a process by its short name; `other` for what nobody listed. */
export function classOf(name: string): ProcessClass {
  for (const [kind, beginnings] of BEGINNINGS) {
    for (const beginning of beginnings) {
      if (beginning.length <= WHOLE_LENGTH_MAX ? name === beginning : name.startsWith(beginning)) return kind
    }
  }
  return 'other'
}

/** Classes of services by the port they listen on: IANA's registry, and what the programs use by default. */
const PORTS: Readonly<Record<number, ProcessClass>> = {
  22: 'remote access',
  25: 'mail',
  80: 'web server',
  143: 'mail',
  443: 'web server',
  587: 'mail',
  993: 'mail',
  1433: 'database',
  1521: 'database',
  3306: 'database',
  5432: 'database',
  5672: 'queue',
  6379: 'cache',
  8080: 'web server',
  8443: 'web server',
  9042: 'database',
  9090: 'monitoring',
  9092: 'queue',
  9100: 'monitoring',
  9200: 'database',
  11211: 'cache',
  27017: 'database',
}

/** The class of a service by its port, or `other`. */
export function classOfPort(port: number): ProcessClass {
  return PORTS[port] ?? 'other'
}
