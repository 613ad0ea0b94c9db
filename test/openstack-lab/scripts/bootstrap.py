#!/usr/bin/python3
"""Fills the lab through its APIs; each step finds what exists and creates what does not.

    identity      users, projects, service catalogue, image quotas (into Keystone)
    credentials   an application credential for each project, and the file openrc
    cloud         flavors, the guest's image, a network
    proof         a server that becomes ACTIVE, and is deleted again
"""
import json
import os
import sys
import time

import requests

LAB = os.environ['LAB']
HOST = 'http://127.0.0.1'
KEYSTONE = f"{HOST}:{os.environ['P_KEYSTONE']}/v3"
GLANCE = f"{HOST}:{os.environ['P_GLANCE']}/v2"
NOVA = f"{HOST}:{os.environ['P_NOVA']}/v2.1"
NEUTRON = f"{HOST}:{os.environ['P_NEUTRON']}/v2.0"
SERVICE_ENDPOINTS = (
    # name, type, URL
    ('glance', 'image', f"{HOST}:{os.environ['P_GLANCE']}"),
    ('nova', 'compute', NOVA),
    ('placement', 'placement', f"{HOST}:{os.environ['P_PLACEMENT']}"),
    ('neutron', 'network', f"{HOST}:{os.environ['P_NEUTRON']}"),
    ('cinderv3', 'volumev3', f"{HOST}:{os.environ['P_CINDER']}/v3/%(project_id)s"),
)
# The lab's projects and their users; the second one's image quotas are so small that snapshots exceed them.
PROJECTS = (('backup-lab', 'backup'), ('backup-small', 'backup-small'))
# In MiB, or a count.
DEFAULT_IMAGE_QUOTAS = {'image_size_total': 200000, 'image_stage_total': 200000, 'image_count_total': 1000, 'image_count_uploading': 100}
SMALL_IMAGE_QUOTAS = {'image_count_total': 3, 'image_size_total': 1}
# Nova's default is 10 instances.
SERVER_QUOTAS = {'instances': 40, 'cores': 40}
GUEST_FLAVOR = {'name': 'lab.tiny', 'id': '102', 'ram': 96, 'disk': 1, 'vcpus': 1}
# Becomes ACTIVE, but is too small for the guest to boot.
SMALLEST_FLAVOR = {'name': 'lab.nano', 'id': '101', 'ram': 64, 'disk': 1, 'vcpus': 1}

with open(f'{LAB}/state/secrets', encoding='ascii') as file:
    SECRETS = dict(line.strip().split('=', 1) for line in file if '=' in line)
http = requests.Session()


def password_token(user, password, scope):
    who = {'name': user, 'domain': {'id': 'default'}, 'password': password}
    answer = http.post(f'{KEYSTONE}/auth/tokens', timeout=60, json={
        'auth': {'identity': {'methods': ['password'], 'password': {'user': who}}, 'scope': scope}})
    answer.raise_for_status()
    return answer.headers['X-Subject-Token']


def project_scope(name):
    return {'project': {'name': name, 'domain': {'id': 'default'}}}


def credential_token(credential):
    """A token, or None where Keystone does not take the credential (any more)."""
    answer = http.post(f'{KEYSTONE}/auth/tokens', timeout=60, json={'auth': {'identity': {
        'methods': ['application_credential'],
        'application_credential': {'id': credential['id'], 'secret': credential['secret']}}}})
    return answer.headers['X-Subject-Token'] if answer.status_code == 201 else None


def api(method, url, body=None, token=None, **headers):
    answer = http.request(method, url, json=body, timeout=120, headers={'X-Auth-Token': token or admin_token(), **headers})
    if answer.status_code >= 300:
        raise SystemExit(f'{method} {url} -> {answer.status_code} {answer.text[:600]}')
    return answer.json() if answer.content and 'json' in answer.headers.get('content-type', '') else None


tokens = {}


def admin_token(scope='project'):
    if scope not in tokens:
        body = {'system': {'all': True}} if scope == 'system' else project_scope('admin')
        tokens[scope] = password_token('admin', SECRETS['ADMINPW'], body)
    return tokens[scope]


def keystone(method, path, body=None):
    return api(method, f'{KEYSTONE}/{path}', body, admin_token('system'))


def find_or_create(kind, query, body):
    found = keystone('GET', f'{kind}s?{query}')[f'{kind}s']
    return (found or [keystone('POST', f'{kind}s', {kind: body})[kind]])[0]['id']


def find_or_create_named(kind, name, **more):
    return find_or_create(kind, f'name={name}&domain_id=default', {'name': name, 'domain_id': 'default', **more})


def grant(scope, user, role):
    keystone('PUT', f'{scope}/users/{user}/roles/{role}')


def write_private(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w', encoding='ascii') as file:
        file.write(text)


def identity():
    roles = {role['name']: role['id'] for role in keystone('GET', 'roles')['roles']}
    if 'service' not in roles:
        roles['service'] = keystone('POST', 'roles', {'role': {'name': 'service'}})['role']['id']

    service_project = find_or_create_named('project', 'service')
    for name in ('glance', 'nova', 'placement', 'neutron', 'cinder'):
        user = find_or_create_named('user', name, password=SECRETS['SVCPW'])
        for role in ('admin', 'service'):
            grant(f'projects/{service_project}', user, roles[role])
        if name == 'glance':  # reads the quotas
            grant('system', user, roles['reader'])

    for name, kind, url in SERVICE_ENDPOINTS:
        service = find_or_create('service', f'type={kind}', {'name': name, 'type': kind})
        for interface in ('public', 'internal', 'admin'):
            endpoint = find_or_create('endpoint', f'service_id={service}&interface={interface}', {
                'service_id': service, 'interface': interface, 'url': url, 'region_id': 'RegionOne'})
            if kind == 'image' and interface == 'public':
                write_private(f'{LAB}/state/glance-endpoint-id', endpoint)
        if kind == 'image':
            glance = service

    for project_name, user_name in PROJECTS:
        project = find_or_create_named('project', project_name)
        user = find_or_create_named('user', user_name, password=SECRETS['USERPW'])
        for role in ('member', 'reader'):
            grant(f'projects/{project}', user, roles[role])
    limit('registered_limits', f'service_id={glance}', DEFAULT_IMAGE_QUOTAS, 'default_limit', {'service_id': glance})
    limit('limits', f'project_id={project}', SMALL_IMAGE_QUOTAS, 'resource_limit', {'service_id': glance, 'project_id': project})


def limit(kind, query, quotas, field, where):
    existing = {entry['resource_name'] for entry in keystone('GET', f'{kind}?{query}')[kind]}
    missing = [{**where, 'region_id': 'RegionOne', 'resource_name': name, field: value}
               for name, value in quotas.items() if name not in existing]
    if missing:
        keystone('POST', kind, {kind: missing})


def credential(user, project):
    """The user's application credential: the recorded one if Keystone still takes it, else a new one."""
    path = f'{LAB}/state/appcred-{user}.json'
    if os.path.exists(path):
        with open(path, encoding='ascii') as file:
            recorded = json.load(file)
        if credential_token(recorded):
            return recorded
    token = password_token(user, SECRETS['USERPW'], project_scope(project))
    me = api('GET', f'{KEYSTONE}/auth/tokens', token=token, **{'X-Subject-Token': token})['token']
    own = f"{KEYSTONE}/users/{me['user']['id']}/application_credentials"
    for old in api('GET', own, token=token)['application_credentials']:
        api('DELETE', f"{own}/{old['id']}", token=token)
    made = api('POST', own, {'application_credential': {'name': 'lab', 'roles': [{'name': 'member'}, {'name': 'reader'}]}},
               token=token)['application_credential']
    recorded = {'id': made['id'], 'secret': made['secret'], 'user_id': me['user']['id'], 'project_id': me['project']['id']}
    write_private(path, json.dumps(recorded))
    return recorded


def credentials():
    main, small = (credential(user, project) for project, user in PROJECTS)
    exports = {
        'OS_AUTH_URL': KEYSTONE,
        'OS_AUTH_TYPE': 'v3applicationcredential',
        'OS_IDENTITY_API_VERSION': '3',
        'OS_REGION_NAME': 'RegionOne',
        'OS_INTERFACE': 'public',
        'OS_APPLICATION_CREDENTIAL_ID': main['id'],
        'OS_APPLICATION_CREDENTIAL_SECRET': main['secret'],
        'LAB_PROJECT_ID': main['project_id'],
        'LAB_SMALL_APPLICATION_CREDENTIAL_ID': small['id'],
        'LAB_SMALL_APPLICATION_CREDENTIAL_SECRET': small['secret'],
        'LAB_SMALL_PROJECT_ID': small['project_id'],
        'LAB_ADMIN_PASSWORD': SECRETS['ADMINPW'],
        'LAB_USER_PASSWORD': SECRETS['USERPW'],
    }
    write_private(f'{LAB}/openrc', ''.join(f'export {name}={value}\n' for name, value in exports.items()))


def cloud():
    existing = {flavor['name'] for flavor in api('GET', f'{NOVA}/flavors/detail')['flavors']}
    for flavor in (GUEST_FLAVOR, SMALLEST_FLAVOR):
        if flavor['name'] not in existing:
            api('POST', f'{NOVA}/flavors', {'flavor': flavor})

    upload_guest_image()

    project = keystone('GET', f'projects?name={PROJECTS[0][0]}')['projects'][0]['id']
    api('PUT', f'{NOVA}/os-quota-sets/{project}', {'quota_set': SERVER_QUOTAS})
    networks = [find_or_create_network('lab-net', '10.99.0.0/24', shared=True),
                find_or_create_network('lab-own-net', '10.98.0.0/24', project_id=project)]
    write_private(f'{LAB}/state/network-ids', ''.join(f"{network[:11]}\n" for network in networks))


def upload_guest_image():
    """The image as it was built last; one of an earlier building, or of an upload that was cut, goes."""
    with open(f'{LAB}/image/digest', encoding='ascii') as file:
        digest = file.read().strip()
    images = api('GET', f'{GLANCE}/images?name=lab-guest')['images']
    standing = [image for image in images if image['status'] == 'active' and image.get('lab_guest_digest') == digest]
    if not standing:
        image = api('POST', f'{GLANCE}/images', {
            'name': 'lab-guest', 'disk_format': 'qcow2', 'container_format': 'bare', 'visibility': 'public', 'min_disk': 1,
            'os_distro': 'lab', 'lab_guest_digest': digest})
        with open(f'{LAB}/image/lab-guest.qcow2', 'rb') as file:
            http.put(f"{GLANCE}/images/{image['id']}/file", data=file, timeout=120, headers={
                'X-Auth-Token': admin_token(), 'Content-Type': 'application/octet-stream'}).raise_for_status()
    for image in images:
        if image not in standing:
            api('DELETE', f"{GLANCE}/images/{image['id']}")


def find_or_create_network(name, cidr, **fields):
    """Servers get addresses on it, but no packets and no DHCP."""
    found = api('GET', f'{NEUTRON}/networks?name={name}')['networks']
    if found:
        return found[0]['id']
    network = api('POST', f'{NEUTRON}/networks', {'network': {'name': name, **fields}})['network']['id']
    api('POST', f'{NEUTRON}/subnets', {'subnet': {
        'network_id': network, 'name': name, 'ip_version': 4, 'cidr': cidr, 'enable_dhcp': False, 'gateway_ip': None,
        **({'project_id': fields['project_id']} if 'project_id' in fields else {})}})
    return network


def proof():
    token = credential_token(credential('backup', 'backup-lab'))
    version = {'OpenStack-API-Version': 'compute 2.93'}
    image = api('GET', f'{GLANCE}/images?name=lab-guest', token=token)['images'][0]['id']
    server = api('POST', f'{NOVA}/servers', {'server': {
        'name': 'lab-proof', 'imageRef': image, 'flavorRef': GUEST_FLAVOR['id'], 'networks': 'none'}}, token, **version)['server']['id']
    deadline = time.monotonic() + 180
    status = 'BUILD'
    while status == 'BUILD' and time.monotonic() < deadline:
        time.sleep(0.5)
        shown = api('GET', f'{NOVA}/servers/{server}', token=token, **version)['server']
        status = shown['status']
    api('DELETE', f'{NOVA}/servers/{server}', token=token)
    if status != 'ACTIVE':
        raise SystemExit(f"the first server is {status}: {shown.get('fault')}")


for step in sys.argv[1:]:
    {'identity': identity, 'credentials': credentials, 'cloud': cloud, 'proof': proof}[step]()
